// @ts-check
/** The panel that says what each route does with a message, and which part of its condition decided. */

import { clock } from "./figures.js";
import { idOf, millis, schemaOf, senderOf } from "./message.js";
import { PastedMessageError, caveat, parsePasted, requestOf, written } from "./verdict.js";
import { verdictList } from "./verdict-list.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../panel.js").Context} Context */

/** Recent messages to choose from: the newest one of each source and schema. */
const CHOICES = 30;

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "explain",
  title: "Explain",
  mount(element, context) {
    const { dom, state } = context;
    const { h } = dom;
    const field = h("textarea", { rows: 12, spellcheck: "false", autocomplete: "off", maxlength: 600_000 });
    const answer = h("div", { class: "answer" });
    const note = h("p", { class: "note" });
    const ask = asker(context, answer);
    const send = () => void ask(field.value);
    /** @param {Message} message */
    const take = (message) => {
      field.value = written(requestOf(message));
      dom.write(note, caveat(message));
      send();
    };
    const recent = recentMessages(context, take);
    dom.append(
      element,
      h("p", { class: "hint" }, "Which routes would take a message, which would not, and why. Nothing is sent: the hub only looks."),
      recent.element,
      h("label", { class: "paste" }, h("span", null, "Message as JSON"), field),
      h("button", { type: "button", onclick: send }, "Explain"),
      note,
      answer,
    );
    field.addEventListener("input", () => dom.write(note, ""));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
    });
    const draw = context.redraw(recent.draw);
    return {
      end: state.on("message", draw),
      open: (argument) => take(/** @type {Message} */ (argument)),
    };
  },
};

/**
 * What asks, and shows the answer to the question that was asked last.
 * @param {Context} context
 * @param {HTMLElement} answer
 */
function asker({ api, dom }, answer) {
  const { h, replace } = dom;
  let asked = 0;
  /** @param {string} pasted */
  return async (pasted) => {
    asked += 1;
    const mine = asked;
    try {
      const request = parsePasted(pasted);
      const { routes } = await api.explain(request);
      if (mine === asked) replace(answer, verdictList(dom, routes));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const where = error instanceof PastedMessageError ? "" : "The runtime could not explain it: ";
      if (mine === asked) replace(answer, h("p", { class: "failure", role: "alert" }, `${where}${error.message}`));
    }
  };
}

/**
 * @param {Context} context
 * @param {(message: Message) => void} picked
 */
function recentMessages({ dom, state }, picked) {
  const { h, keep, write } = dom;
  /** @type {Map<string, Message>} */
  let offered = new Map();
  const first = h("option", { value: "", "data-key": "" }, "pick one…");
  const select = h("select", { "aria-label": "Recent message" }, first);
  select.addEventListener("change", () => {
    const message = offered.get(select.value);
    if (message) picked(message);
    select.value = "";
  });
  const draw = () => {
    // A list that changes while it is open is closed by some browsers.
    if (document.activeElement === select) return;
    offered = newest(state.messages());
    /** @type {(Message | null)[]} */
    const choices = [null, ...offered.values()];
    keep(select, choices, (one) => (one ? sourceOf(one) : ""), (one) => h("option", { value: one ? sourceOf(one) : "" }), (option, one) => {
      if (one) write(option, `${sourceOf(one)} at ${clock(millis(one.at))}${idOf(one) ? `: ${idOf(one)}` : ""}`);
    });
  };
  return { element: h("label", { class: "choice" }, h("span", null, "Recent message"), select), draw };
}

/**
 * @param {Message[]} messages the newest first
 * @returns {Map<string, Message>} by source
 */
function newest(messages) {
  /** @type {Map<string, Message>} */
  const found = new Map();
  for (const message of messages) {
    if (found.size >= CHOICES) break;
    if (!found.has(sourceOf(message))) found.set(sourceOf(message), message);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @param {Message} message */
function sourceOf(message) {
  return schemaOf(message) ? `${senderOf(message)} (${schemaOf(message)})` : senderOf(message);
}
