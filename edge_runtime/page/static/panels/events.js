// @ts-check
/** The panel of what went upstream, and why. */

import { Buckets } from "./buckets.js";
import { sparkline } from "./charts.js";
import { EventLog, matches } from "./event-log.js";
import { clock } from "./figures.js";
import { History } from "./history.js";
import { idOf, millis, senderOf } from "./message.js";
import { choice, pauseButton, table } from "./parts.js";
import { remember } from "./recall.js";

/** @typedef {import("./event-log.js").Entry} Entry */
/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../panel.js").Context} Context */

const ROWS = 200;
const INTERVAL_MS = 10_000;
const INTERVALS = 60;
/** Labels with a line of their own. */
const LINES = 12;

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "events",
  title: "Events",
  mount(element, context) {
    const { dom, state } = context;
    const { h } = dom;
    const log = new EventLog();
    const counts = new Buckets(INTERVAL_MS, INTERVALS, 100);
    /** @type {readonly Entry[] | null} what is held still */
    let held = null;
    const filter = filters(dom, () => draw());
    const lines = table(dom, "Messages upstream by label, the last 10 minutes", ["label", "each 10 s", "messages"]);
    const rows = table(dom, "Went upstream, the newest first", ["time", "kind", "label", "from", "why"]);
    rows.element.classList.add("log");
    const count = h("p", { class: "count" });
    const pause = pauseButton(dom, "events", (paused) => {
      held = paused ? log.entries() : null;
      draw();
    });
    const past = pastEvents(context, (messages) => {
      for (const { label, kind, at } of log.addHistory(messages)) counts.add(at, label || kind);
      draw();
    });
    dom.append(element, lines.element, h("div", { class: "toolbar" }, ...filter.elements, pause), count, rows.element, past.element);

    const draw = context.redraw(() => {
      past.begin();
      counts.advance(millis(state.snapshot?.at));
      drawLines(dom, lines.rows, counts);
      filter.offer(log.choices());
      const chosen = filter.choose(held ?? log.entries());
      const shown = chosen.slice(0, ROWS);
      dom.write(count, `${shown.length} of ${chosen.length} that fit, of ${log.size} kept here${held ? "; held still" : ""}.`);
      dom.keep(rows.rows, shown, (entry) => entry.key, (entry) => rowOf(context, entry));
    });
    const ends = [
      remember(state, (trace) => {
        return { messages: log.entries().map(({ message }) => message).filter((message) => message.trace === trace) };
      }),
      state.on("message", (message) => {
        const entry = message.endpoints.includes("iothub") ? log.add(message) : null;
        if (entry === null) return;
        counts.add(entry.at, entry.label || entry.kind);
        draw();
      }),
      state.on("snapshot", draw),
      state.on("hello", past.again),
    ];
    return {
      end() {
        for (const end of ends) end();
      },
    };
  },
};

/**
 * What arrived before the page looked. It is asked for when the panel is first seen, again after the stream was lost, and
 * further back at a wish.
 * @param {Context} context
 * @param {(messages: Message[]) => void} found
 */
function pastEvents({ api, dom }, found) {
  const { h, write } = dom;
  const history = new History(api);
  const told = h("p", { class: "failure", role: "status" });
  const button = h("button", { type: "button", onclick: () => read(() => history.older()) }, "Load older ones");
  let begun = false;
  /** @param {() => Promise<Message[]>} portion */
  const read = async (portion) => {
    button.disabled = true;
    try {
      found(await portion());
      write(told, "");
    } catch (error) {
      write(told, `What arrived before cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    button.disabled = !history.more;
  };
  const newest = () => void read(() => history.newest());
  return {
    element: h("div", { class: "past" }, button, told),
    again: () => begun && newest(),
    begin() {
      if (!begun) newest();
      begun = true;
    },
  };
}

/**
 * @param {typeof import("../dom.js")} dom
 * @param {() => void} changed
 */
function filters(dom, changed) {
  const { h } = dom;
  const label = choice(dom, "Label", "all", changed);
  const kind = choice(dom, "Kind", "all", changed);
  const source = choice(dom, "From", "all", changed);
  const words = h("input", { type: "search", placeholder: "words, all of them", oninput: changed });
  return {
    elements: [label.element, kind.element, source.element, h("label", { class: "choice" }, h("span", null, "Text"), words)],
    /** @param {ReturnType<EventLog["choices"]>} choices */
    offer({ labels, kinds, sources }) {
      label.offer(labels);
      kind.offer(kinds);
      source.offer(sources);
    },
    /** @param {readonly Entry[]} entries */
    choose(entries) {
      const filter = { label: label.value(), kind: kind.value(), source: source.value(), text: words.value };
      return entries.filter((entry) => matches(entry, filter));
    },
  };
}

/**
 * @param {typeof import("../dom.js")} dom
 * @param {Element} into
 * @param {Buckets} counts
 */
function drawLines(dom, into, counts) {
  const { h } = dom;
  const rows = counts.rows().slice(0, LINES);
  dom.keep(into, rows, ({ name, values }) => `${name} ${values.join()}`, ({ name, values, total }) => {
    const description = `${name}: ${total} in the last 10 minutes, at most ${Math.max(...values)} in 10 s`;
    return h("tr", null, h("th", { scope: "row" }, name), h("td", null, sparkline(dom, values, description)), h("td", null, total));
  });
}

/**
 * @param {Context} context
 * @param {Entry} entry
 */
function rowOf({ dom, openMessage }, { at, kind, label, message, why }) {
  const { h } = dom;
  const name = `${clock(at)}: all about ${idOf(message) ?? senderOf(message)}`;
  const open = h("button", { type: "button", class: "link", "aria-label": name, onclick: () => openMessage(message.trace) }, clock(at));
  const cells = [open, kind, h("strong", null, label), senderOf(message)].map((cell) => h("td", null, cell));
  return h("tr", { dataset: { kind } }, ...cells, h("td", { class: "why" }, why));
}
