// @ts-check
/** The same as tables: every figure exactly, and for those who read no pictures. */

import { h, replace } from "../dom.js";
import { figure, percent, rate, size, span } from "../format.js";
import { dropsOf, healthOf, queuedOf } from "./graph.js";

/** @typedef {import("../wire").Snapshot} Snapshot */

const MOST_ROWS = 200;

/** @param {HTMLElement} place @param {Snapshot} snapshot */
export function showTables(place, snapshot) {
  const modules = Object.entries(snapshot.modules).map(([name, module]) => [
    name,
    healthOf(module).text,
    figure(module.restartCount),
    percent(module.cpuPercent),
    size(module.memoryBytes),
    span(module.startedAt, snapshot.at),
    module.description ?? "",
  ]);
  const routes = snapshot.routes.map((route) => [
    route.name,
    route.text,
    rate(route.rate),
    figure(route.matched),
    figure(queuedOf(snapshot, route)),
    dropsOf(snapshot, route).map((drop) => `${drop.reason}: ${figure(drop.count)}`).join(", ") || "–",
  ]);
  replace(
    place,
    table("Modules", ["Module", "State", "Restarts", "CPU", "Memory", "Up for", "Description"], modules),
    table("Routes", ["Route", "Text", "Rate", "Matched", "Waiting", "Dropped"], routes),
  );
}

/** @param {HTMLElement} place @param {Snapshot} snapshot */
export function showDrops(place, snapshot) {
  const drops = snapshot.dropped.filter((drop) => drop.count > 0).sort((a, b) => b.count - a.count);
  const rows = drops.map(({ reason, module, output, endpoint, route, count }) => [
    reason,
    [module, output].filter(Boolean).join("/") || "–",
    route ?? endpoint ?? "–",
    figure(count),
  ]);
  replace(place, rows.length > 0 && table("Dropped messages", ["Reason", "From", "Route or endpoint", "Count"], rows));
}

/** @param {string} caption @param {string[]} head @param {string[][]} rows */
function table(caption, head, rows) {
  const left = rows.length - MOST_ROWS;
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      null,
      h("caption", null, left > 0 ? `${caption} (${left} more are left out)` : caption),
      h("thead", null, h("tr", null, ...head.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", null, ...rows.slice(0, MOST_ROWS).map((row) => h("tr", null, ...row.map((cell) => h("td", null, cell))))),
    ),
  );
}
