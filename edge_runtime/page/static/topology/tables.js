// @ts-check
/** The same as tables: every figure exactly, and for those who read no pictures. */

import * as dom from "../dom.js";
import { figure, percent, rate, size, span, visible } from "../format.js";
import { table } from "../panels/parts.js";
import { dropsOf, healthIn, queueOf } from "./graph.js";

/**
 * @typedef {import("../wire").Snapshot} Snapshot
 * @typedef {{ key: string, cells: string[] }} Row key: the same row of another snapshot has it too
 */

const MOST_ROWS = 200;

/** @param {HTMLElement} place @returns {(snapshot: Snapshot) => void} */
export function mountTables(place) {
  const modules = mountTable(place, "Modules", ["Module", "State", "Restarts", "CPU", "Memory", "Up for", "Description"]);
  const routes = mountTable(place, "Routes", ["Route", "Text", "Rate", "Matched", "Waiting", "Dropped"]);
  return (snapshot) => {
    modules(moduleRows(snapshot));
    routes(routeRows(snapshot));
  };
}

/** @param {HTMLElement} place @returns {(snapshot: Snapshot) => void} */
export function mountDrops(place) {
  const show = mountTable(place, "Dropped messages", ["Reason", "From", "Route or endpoint", "Count"]);
  return (snapshot) => {
    const rows = dropRows(snapshot);
    place.hidden = rows.length === 0;
    show(rows);
  };
}

/** @param {Snapshot} snapshot @returns {Row[]} */
export function moduleRows(snapshot) {
  return Object.entries(snapshot.modules).map(([name, module]) => ({
    key: name,
    cells: [
      name,
      healthIn(snapshot, name).text,
      figure(module.restartCount),
      percent(module.cpuPercent),
      size(module.memoryBytes),
      span(module.startedAt, snapshot.at),
      module.description ?? "",
    ],
  }));
}

/** @param {Snapshot} snapshot @returns {Row[]} */
export function routeRows(snapshot) {
  return snapshot.routes.map((route) => {
    const { length, of } = queueOf(snapshot, route);
    const dropped = dropsOf(snapshot, route).map((drop) => `${drop.reason}: ${figure(drop.count)}`).join(", ");
    const waiting = of === route.name ? figure(length) : `with those of ${of}`;
    return { key: route.name, cells: [route.name, route.text, rate(route.rate), figure(route.matched), waiting, dropped || "–"] };
  });
}

/** @param {Snapshot} snapshot @returns {Row[]} the most first */
export function dropRows(snapshot) {
  const drops = snapshot.dropped.filter((drop) => drop.count > 0).sort((a, b) => b.count - a.count);
  return drops.map(({ reason, module, output, endpoint, route, count }) => ({
    key: JSON.stringify([reason, module, output, endpoint, route]),
    cells: [reason, [module, output].filter(Boolean).join("/") || "–", route ?? endpoint ?? "–", figure(count)],
  }));
}

/** @param {HTMLElement} place @param {string} caption @param {string[]} headings @returns {(rows: Row[]) => void} */
function mountTable(place, caption, headings) {
  const { element, rows: body, call } = table(dom, caption, headings);
  place.append(element);
  return (rows) => {
    const left = rows.length - MOST_ROWS;
    call(left > 0 ? `${caption} (${left} more are left out)` : caption);
    // Kept, not made anew: a place scrolled to, a selection and the focus stay.
    dom.keep(body, rows.slice(0, MOST_ROWS), (row) => row.key, () => dom.h("tr", null, ...headings.map(() => dom.h("td"))), update);
  };
}

/** @param {Element} element @param {Row} row */
function update(element, { cells }) {
  for (const [at, cell] of [...element.children].entries()) dom.write(cell, visible(cells[at] ?? ""));
}
