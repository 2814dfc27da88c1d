// @ts-check
/** The panel of messages of any schema or none: a table whose columns come from their properties. */

import { CELL, columns, preview } from "./columns.js";
import { clock } from "./figures.js";
import { idOf, millis, schemaOf, senderOf } from "./message.js";
import { choice, pauseButton, table } from "./parts.js";
import { shorten, size } from "../format.js";

export { detail } from "./detail.js";

/** @typedef {import("./message.js").Message} Message */

const ROWS = 100;
/** They have a panel of their own. */
const SHOWN_ELSEWHERE = new Set(["frame/1", "prediction/1", "event/1", "summary/1"]);
const OTHERS = "those without a panel of their own";

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "messages",
  title: "Messages",
  mount(element, context) {
    const { dom, state } = context;
    const { h } = dom;
    /** @type {Message[] | null} what is held still */
    let held = null;
    const shown = choice(dom, "Show", "all", () => draw());
    const sender = choice(dom, "From", "all", () => draw());
    const pause = pauseButton(dom, "messages", (paused) => {
      held = paused ? state.messages() : null;
      draw();
    });
    const count = h("p", { class: "count" });
    const rows = table(dom, "Sampled messages, the newest first", []);
    dom.append(
      element,
      h("p", { class: "hint" }, "A sample of what the hub stores, and everything that goes upstream."),
      h("div", { class: "toolbar" }, shown.element, sender.element, pause),
      count,
      rows.element,
    );
    const draw = context.redraw(() => {
      const kept = held ?? state.messages();
      shown.offer([OTHERS, ...distinct(kept.map(schemaOf))]);
      sender.offer(distinct(kept.map(senderOf)));
      const chosen = kept.filter((message) => isShown(message, shown.value()) && ["", senderOf(message)].includes(sender.value()));
      const some = chosen.slice(0, ROWS);
      dom.write(count, `${some.length} of ${chosen.length} messages kept here${held ? ", held still" : ""}.`);
      fill(context, rows, some);
    });
    const end = state.on("message", () => held === null && draw());
    draw();
    return { end };
  },
};

/**
 * @param {Message} message
 * @param {string} choice
 */
function isShown(message, choice) {
  return choice === "" || (choice === OTHERS ? !SHOWN_ELSEWHERE.has(schemaOf(message)) : schemaOf(message) === choice);
}

/**
 * @param {import("../panel.js").Context} context
 * @param {ReturnType<typeof table>} into
 * @param {Message[]} messages
 */
function fill({ dom, openMessage }, into, messages) {
  const { h } = dom;
  const names = columns(messages);
  dom.keep(into.head, ["time", "from", "schema", "size", ...names.map((name) => `property ${name}`), "body"], String, (heading) => {
    return h("th", { scope: "col" }, shorten(heading.replace(/^property /, ""), CELL));
  });
  dom.keep(into.rows, messages, (message) => `${message.number} ${names.join()}`, (message) => {
    const open = h("button", { type: "button", class: "link", onclick: () => openMessage(message.trace) }, clock(millis(message.at)));
    dom.set(open, "aria-label", `${clock(millis(message.at))}: all about ${idOf(message) ?? senderOf(message)}`);
    const properties = names.map((name) => shorten(message.app[name] ?? "", CELL));
    const cells = [open, senderOf(message), shorten(schemaOf(message), CELL), size(message.size), ...properties, preview(message)];
    return h("tr", null, ...cells.map((cell) => h("td", null, cell)));
  });
}

/** @param {string[]} values */
function distinct(values) {
  return [...new Set(values)].filter(Boolean).sort();
}
