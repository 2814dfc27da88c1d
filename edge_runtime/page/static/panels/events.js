// @ts-check
/** The panel of what goes upstream, why, and what becomes of it. */

import { Buckets, finished } from "./buckets.js";
import { sparkline } from "./charts.js";
import { ENTRIES, EventLog, fateOf, matches } from "./event-log.js";
import { clock } from "./figures.js";
import { History } from "./history.js";
import { idOf, millis, senderOf } from "./message.js";
import { choice, pauseButton, table } from "./parts.js";
import { Reading } from "./reading.js";
import { remember } from "./recall.js";

/** @typedef {import("./event-log.js").Entry} Entry */
/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../panel.js").Context} Context */

/** Rows that are shown at first, and added at a wish. */
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
    let most = ROWS;
    const filter = filters(dom, () => {
      most = ROWS;
      draw();
    });
    const lines = table(dom, "Messages for upstream by label, the last 10 minutes", ["label", "each 10 s", "messages"]);
    const rows = table(dom, "For upstream, the newest first", ["time", "kind", "label", "from", "upstream", "why"]);
    rows.element.classList.add("log");
    const count = h("p", { class: "count" });
    const pause = pauseButton(dom, "events", (paused) => {
      held = paused ? log.entries() : null;
      draw();
    });
    const more = h("button", { type: "button", hidden: true, onclick: () => ((most += ROWS), draw()) });
    const past = pastEvents(context, log, (entries) => {
      for (const { label, kind, at } of entries) counts.add(at, label || kind);
      most += entries.length;
      draw();
    });
    const hint = h("p", { class: "hint" }, "A time is when the hub stored it; of what was sent before this page looked, when it arrived.");
    dom.append(element, lines.element, h("div", { class: "toolbar" }, ...filter.elements, pause), count, rows.element, hint, more, past.element);

    const draw = context.redraw(() => {
      past.show();
      counts.advance(millis(state.snapshot?.at));
      drawLines(dom, lines.rows, counts);
      filter.offer(log.choices());
      const chosen = filter.choose(held ?? log.entries());
      const shown = chosen.slice(0, most);
      const queued = state.snapshot?.upstream.queued ?? 0;
      more.hidden = chosen.length <= most;
      dom.write(more, `Show more (${chosen.length - most})`);
      dom.write(count, `${shown.length} of ${chosen.length} that fit, of ${log.size} kept here${held ? "; held still" : ""}.`);
      dom.keep(rows.rows, shown, (entry) => entry.key, (entry) => rowOf(context, entry), (row, entry) => {
        const cell = row.querySelector(".fate");
        if (cell) dom.write(cell, fateOf(entry, queued));
      });
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
      state.on("delivered", (delivered) => log.settle(delivered) && draw()),
      state.on("dropped", (dropped) => log.settle(dropped) && draw()),
      state.on("snapshot", draw),
      state.on("missed", past.again),
    ];
    return {
      end() {
        for (const end of ends) end();
      },
    };
  },
};

/**
 * What arrived before the page looked. It is asked for when the panel is first seen, again after the page missed something,
 * and further back at a wish, as long as there is room.
 * @param {Context} context
 * @param {EventLog} log
 * @param {(entries: Entry[]) => void} found those that were not known
 */
function pastEvents({ api, dom }, log, found) {
  const { h, write } = dom;
  const history = new History(api);
  const told = h("p", { class: "failure", role: "status" });
  const bound = h("p", { class: "hint" });
  let reading = false;
  let failure = "";
  const older = async () => {
    reading = true;
    try {
      found(log.addHistory(await history.older()));
      failure = "";
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    reading = false;
    show();
  };
  const button = h("button", { type: "button", onclick: () => void older() }, "Load older ones");
  const newer = new Reading(async () => found(log.addHistory(await history.newer())));
  const show = () => {
    const why = newer.failure || failure;
    write(told, why && `What arrived before cannot be read: ${why}`);
    write(bound, log.full ? `This page keeps the newest ${ENTRIES}, or fewer large ones; \`edge events\` has them all.` : "");
    button.disabled = reading || !history.more;
    button.hidden = log.full;
  };
  return {
    element: h("div", { class: "past" }, button, bound, told),
    again: () => newer.want(),
    show() {
      void newer.go();
      show();
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
    return h("tr", null, h("th", { scope: "row" }, name), h("td", null, sparkline(dom, finished(values), description)), h("td", null, total));
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
  return h("tr", { dataset: { kind } }, ...cells, h("td", { class: "fate" }), h("td", { class: "why" }, why));
}
