// @ts-check
/** Each route's verdict over a message, drawn. */

import { figure } from "../format.js";
import { marked, operands, place, reason } from "./verdict.js";

/** @typedef {import("../wire").RouteVerdict} RouteVerdict */
/** @typedef {typeof import("../dom.js")} Dom */

/**
 * First the routes that take the message, then those whose condition it does not meet; the others are folded away.
 * @param {Dom} dom
 * @param {readonly RouteVerdict[]} verdicts
 */
export function verdictList(dom, verdicts) {
  const { h } = dom;
  const taken = verdicts.filter((verdict) => verdict.matched);
  const refused = verdicts.filter((verdict) => !verdict.matched && verdict.sourceMatched);
  const elsewhere = verdicts.filter((verdict) => !verdict.sourceMatched);
  const outcome =
    taken.length > 0
      ? `${taken.length} of ${verdicts.length} routes ${taken.length === 1 ? "takes" : "take"} it: ${taken.map(({ name }) => name).join(", ")}.`
      : `No route of ${verdicts.length} takes it: the hub acknowledges, drops and counts it (no_route).`;
  return h(
    "div",
    { class: "verdicts" },
    h("p", { class: "outcome", role: "status" }, outcome),
    h("ol", null, ...[...taken, ...refused].map((verdict) => verdictOf(dom, verdict))),
    elsewhere.length > 0 &&
      h(
        "details",
        { open: taken.length + refused.length === 0 },
        h("summary", null, `${figure(elsewhere.length)} that ${elsewhere.length === 1 ? "takes" : "take"} messages from elsewhere`),
        h("ol", null, ...elsewhere.map((verdict) => verdictOf(dom, verdict))),
      ),
  );
}

/**
 * @param {Dom} dom
 * @param {RouteVerdict} verdict
 */
function verdictOf(dom, verdict) {
  const { h } = dom;
  const { before, marked: part, after } = marked(verdict);
  const status = verdict.matched ? "✓ taken" : verdict.condition === "undefined" && verdict.sourceMatched ? "! not taken" : "✗ not taken";
  return h(
    "li",
    { class: verdict.matched ? "taken" : "not-taken" },
    h("p", { class: "route-name" }, h("strong", null, verdict.name), " ", h("span", { class: "status" }, status)),
    h("pre", { class: "route" }, h("code", null, before, part && h("mark", null, part), after)),
    verdict.sourceMatched && h("p", { class: "reason" }, reason(verdict), part && verdict.deciding && h("span", { class: "place" }, ` (${place(verdict.deciding)})`)),
    verdict.sourceMatched && operandList(dom, verdict),
    ...verdict.notes.map((note) => h("p", { class: verdict.sourceMatched ? "note" : "hint" }, note)),
  );
}

/**
 * @param {Dom} dom
 * @param {RouteVerdict} verdict
 */
function operandList({ h }, verdict) {
  const parts = operands(verdict);
  return parts.length > 0 && h("ul", { class: "operands" }, ...parts.map(({ text, value }) => {
    return h("li", null, h("code", null, text), " is ", h("code", null, value));
  }));
}
