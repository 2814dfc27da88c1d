// @ts-check
/** Tables about the model. Each is made once and then filled: it keeps its focus and where it was scrolled to. */

import { finished, shares } from "./buckets.js";
import { sparkline } from "./charts.js";
import { matrixOf, mistakes } from "./confusion.js";
import { clock, share } from "./figures.js";
import { table } from "./parts.js";
import { INTERVALS, INTERVAL_MS } from "./prediction-sample.js";
import { figure } from "../format.js";

/** @typedef {typeof import("../dom.js")} Dom */
/** @typedef {import("./prediction-sample.js").Model} Model */

const CLASSES = 12;
const MISTAKES = 5;
const SHADES = 5;

/**
 * What is answered for which truth.
 * @param {Dom} dom
 */
export function confusionTable(dom) {
  const { h, keep, replace } = dom;
  const cells = table(dom, "Truth (rows) and answers (columns)", []);
  const rest = h("div");
  const element = h("div", { class: "confusion", hidden: true }, h("h3", null, "Confusion"), cells.element, rest);
  /**
   * @param {import("./confusion.js").Counts} counts
   * @param {string} known how well: exact, or sampled with n
   */
  const draw = (counts, known) => {
    const matrix = matrixOf(counts);
    element.hidden = matrix.truths.length === 0;
    cells.call(`Truth (rows) and answers (columns), ${known}`);
    keep(cells.head, ["truth", ...matrix.answers.map((answer) => `as ${answer}`)], String, (heading) => {
      return h("th", { scope: "col" }, heading.replace(/^as /, ""));
    });
    const rows = matrix.truths.map((truth, row) => ({ truth, times: matrix.cells[row] ?? [], total: matrix.totals[row] ?? 0 }));
    keep(cells.rows, rows, (row) => JSON.stringify([row, matrix.answers]), ({ truth, times, total }) => {
      return h("tr", null, h("th", { scope: "row" }, truth), ...times.map((value, column) => {
        const shade = value === 0 ? 0 : Math.max(1, Math.ceil((value / total) * SHADES));
        return h("td", { dataset: { shade, right: matrix.answers[column] === truth } }, value || "");
      }));
    });
    const worst = mistakes(counts, MISTAKES).map(({ truth, answer, times }) => h("li", null, `${truth} as ${answer}: ${figure(times)}`));
    replace(
      rest,
      matrix.cut && h("p", { class: "hint" }, "Of the many classes the most frequent ones are shown."),
      worst.length > 0 && h("h4", null, "Most frequent mistakes"),
      worst.length > 0 && h("ol", null, ...worst),
    );
  };
  return { element, draw };
}

/**
 * What is seen over time.
 * @param {Dom} dom
 */
export function mixTable(dom) {
  const { h, keep, replace } = dom;
  const over = table(dom, "What it sees over time", ["answer", "over time", "share", "n"]);
  const rest = h("div");
  const element = h("div", { class: "mix", hidden: true }, h("h3", null, "Class mix"), over.element, rest);
  /**
   * @param {{rows: {name: string, values: number[], total: number}[], end: number}} mix
   * @param {readonly Model[]} models
   */
  const draw = ({ rows, end }, models) => {
    const n = rows.reduce((sum, { total }) => sum + total, 0);
    element.hidden = n === 0;
    const begin = end - INTERVALS * INTERVAL_MS;
    const whole = end - INTERVAL_MS;
    const marks = models.slice(1).map(({ since }) => Math.min(1, (since - begin) / (whole - begin))).filter((place) => place >= 0);
    const parts = shares(rows.map(({ values }) => finished(values)));
    const lines = rows.slice(0, CLASSES).map(({ name, total }, index) => ({ name, total, of: n, line: parts[index] ?? [], marks }));
    over.call(`Share of each 10 s, ${clock(begin)} to ${clock(whole)}. Sampled, n = ${figure(n)}`);
    keep(over.rows, lines, (line) => JSON.stringify(line), ({ name, total, line }) => {
      const description = `${name}: ${share(total / n)} of the answers in the last 10 minutes`;
      const drawn = sparkline(dom, line, description, { largest: 1, marks });
      return h("tr", null, h("th", { scope: "row" }, name), ...[drawn, share(total / n), figure(total)].map((cell) => h("td", null, cell)));
    });
    replace(
      rest,
      rows.length > CLASSES && h("p", { class: "hint" }, `${rows.length - CLASSES} more, less frequent.`),
      marks.length > 0 && h("p", { class: "hint" }, "An upright line: another model came into use."),
    );
  };
  return { element, draw };
}

/**
 * Which models answered, and since when.
 * @param {Dom} dom
 */
export function modelTable(dom) {
  const { h, keep } = dom;
  const seen = table(dom, "The newest first", ["model", "first seen", "last seen", "predictions seen", "sha256"]);
  const element = h("div", { class: "models", hidden: true }, h("h3", null, "Models"), seen.element);
  /** @param {readonly Model[]} models */
  const draw = (models) => {
    element.hidden = models.length === 0;
    keep(seen.rows, [...models].reverse(), (model) => JSON.stringify(model), ({ name, sha256, since, last, n }) => {
      const cells = [h("strong", null, name), clock(since), clock(last), figure(n), h("code", null, sha256.slice(0, 12))];
      return h("tr", null, ...cells.map((cell) => h("td", null, cell)));
    });
  };
  return { element, draw };
}
