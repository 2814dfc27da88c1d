// @ts-check
/** The panel about the model: how often it is right, what it mistakes for what, how sure it is, what it sees. */

import { histogram, sparkline } from "./charts.js";
import { interval, matrixOf, mistakes, score } from "./confusion.js";
import { clock, share } from "./figures.js";
import { arrivedOf } from "./history.js";
import { millis } from "./message.js";
import { table } from "./parts.js";
import { INTERVALS, INTERVAL_MS, PredictionSample } from "./prediction-sample.js";
import { SCHEMA as SUMMARY, Summaries } from "./summaries.js";
import { shares } from "./buckets.js";
import { figure } from "../format.js";

/** @typedef {typeof import("../dom.js")} Dom */
/** @typedef {import("../panel.js").Context} Context */

const CLASSES = 12;
const MISTAKES = 5;
const SHADES = 5;

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "model",
  title: "Model",
  mount(element, context) {
    const { dom, state } = context;
    const { h } = dom;
    const summaries = new Summaries();
    const sample = new PredictionSample();
    const parts = {
      accuracy: h("div", { class: "accuracy" }),
      confidence: h("div", { class: "confidence" }),
      models: h("div", { class: "models" }),
      confusion: h("div", { class: "confusion" }),
      mix: h("div", { class: "mix" }),
    };
    const { accuracy, confidence, models, confusion, mix: classes } = parts;
    dom.append(element, h("div", null, accuracy, confidence, models), h("div", null, confusion, classes));
    const drawn = { summaries: -1, sample: -1, end: NaN };
    let asked = false;

    const draw = context.redraw(() => {
      if (!asked && state.snapshot) {
        asked = true;
        void earlier(context, summaries, draw);
      }
      const { periods } = summaries.totals();
      const mix = sample.mix(millis(state.snapshot?.at));
      if (drawn.summaries !== periods || drawn.sample !== sample.taken) {
        drawAccuracy(dom, parts.accuracy, summaries, sample);
        drawConfusion(dom, parts.confusion, summaries, sample);
        drawConfidence(dom, parts.confidence, sample);
        drawModels(dom, parts.models, sample);
      } else if (drawn.end === mix.end) {
        return;
      }
      drawMix(dom, parts.mix, sample, mix);
      Object.assign(drawn, { summaries: periods, sample: sample.taken, end: mix.end });
    });
    const ends = [
      state.on("message", (message) => {
        if (sample.take(message) || summaries.take(message)) draw();
      }),
      state.on("snapshot", draw),
    ];
    draw();
    return {
      end() {
        for (const end of ends) end();
      },
    };
  },
};

/**
 * Summaries from before the page looked. Without them the figures begin with the next one, and say since when.
 * @param {Context} context
 * @param {Summaries} summaries
 * @param {() => void} draw
 */
async function earlier({ api, announce, state }, summaries, draw) {
  try {
    for (const message of await arrivedOf(api, state.snapshot?.routes ?? [], SUMMARY)) summaries.take(message);
    draw();
  } catch (error) {
    announce(`Earlier summaries cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * @param {Dom} dom
 * @param {Element} element
 * @param {Summaries} summaries
 * @param {PredictionSample} sample
 */
function drawAccuracy(dom, element, summaries, sample) {
  const { h } = dom;
  const totals = summaries.totals();
  const exact = totals.judged > 0;
  const { n, correct } = exact ? { n: totals.judged, correct: totals.correct } : score(sample.confusion());
  const source = exact
    ? `Exact: of all ${figure(n)} predictions whose truth travelled, ${clock(totals.since)} to ${clock(totals.until)} (${totals.periods} summaries).`
    : `Sampled: of ${figure(n)} predictions that this page saw and whose truth travelled. The exact figure comes with the next summary.`;
  if (n === 0) {
    dom.replace(element, h("h3", null, "Accuracy"), h("p", { class: "hint" }, "Nobody told the truth yet: no frame with a label was seen, and no summary with an accuracy."));
    return;
  }
  const { low, high } = interval(correct, n);
  const over = summaries.accuracies();
  dom.replace(
    element,
    h("h3", null, "Accuracy"),
    h("p", { class: "figure" }, share(correct / n)),
    h("p", null, `95 % interval: ${share(low)} to ${share(high)}. An abstention is never right.`),
    h("p", { class: "hint", dataset: { exact: String(exact) } }, source),
    over.length > 1 && h("p", { class: "hint" }, `Each of the last ${over.length} summaries, 0 to 100 %:`),
    over.length > 1 && sparkline(dom, over.map((one) => one.share), `Accuracy of the last ${over.length} summaries: ${over.map((one) => share(one.share)).join(", ")}`, { largest: 1 }),
  );
}

/**
 * @param {Dom} dom
 * @param {Element} element
 * @param {Summaries} summaries
 * @param {PredictionSample} sample
 */
function drawConfusion(dom, element, summaries, sample) {
  const { h } = dom;
  const totals = summaries.totals();
  const counts = totals.judged > 0 ? totals.confusion : sample.confusion();
  if (counts.size === 0) {
    dom.replace(element);
    return;
  }
  const matrix = matrixOf(counts);
  const known = totals.judged > 0 ? "exact" : `sampled, n = ${figure(score(counts).n)}`;
  const cells = table(dom, `Truth (rows) and answers (columns), ${known}`, ["truth", ...matrix.answers]);
  for (const [row, truth] of matrix.truths.entries()) {
    const total = matrix.totals[row] ?? 0;
    cells.rows.append(h("tr", null, h("th", { scope: "row" }, truth), ...(matrix.cells[row] ?? []).map((times, column) => {
      const shade = times === 0 ? 0 : Math.max(1, Math.ceil((times / total) * SHADES));
      return h("td", { dataset: { shade, right: matrix.answers[column] === truth } }, times || "");
    })));
  }
  const worst = mistakes(counts, MISTAKES).map(({ truth, answer, times }) => h("li", null, `${truth} as ${answer}: ${times}`));
  dom.replace(
    element,
    h("h3", null, "Confusion"),
    cells.element,
    matrix.cut && h("p", { class: "hint" }, "Of the many classes the most frequent ones are shown."),
    worst.length > 0 && h("h4", null, "Most frequent mistakes"),
    worst.length > 0 && h("ol", null, ...worst),
  );
}

/**
 * @param {Dom} dom
 * @param {Element} element
 * @param {PredictionSample} sample
 */
function drawConfidence(dom, element, sample) {
  const { h } = dom;
  const bars = sample.confidence().map((value, index) => ({ name: `${index * 10} %`, value }));
  const n = bars.reduce((sum, { value }) => sum + value, 0);
  const told = bars.map(({ name, value }) => `from ${name}: ${value}`).join(", ");
  dom.replace(
    element,
    h("h3", null, "Confidence"),
    n === 0
      ? h("p", { class: "hint" }, "No prediction seen yet.")
      : histogram(dom, bars, `Answers by probability, in steps of 10 %: ${told}`),
    n > 0 && h("p", { class: "hint" }, `Answers by their probability, in steps of 10 %. Sampled, n = ${figure(n)}; abstentions left out.`),
  );
}

/**
 * @param {Dom} dom
 * @param {Element} element
 * @param {PredictionSample} sample
 * @param {ReturnType<PredictionSample["mix"]>} mix
 */
function drawMix(dom, element, sample, { rows, end }) {
  const { h } = dom;
  const n = rows.reduce((sum, { total }) => sum + total, 0);
  if (n === 0) {
    dom.replace(element);
    return;
  }
  const begin = end - INTERVALS * INTERVAL_MS;
  const changes = sample.models().slice(1).map(({ since }) => (since - begin) / (end - begin)).filter((place) => place >= 0);
  const parts = shares(rows.map(({ values }) => values));
  const over = table(dom, `What it sees: share of each 10 s, ${clock(begin)} to ${clock(end)}. Sampled, n = ${figure(n)}`, ["answer", "over time", "share", "n"]);
  for (const [index, { name, total }] of rows.slice(0, CLASSES).entries()) {
    const description = `${name}: ${share(total / n)} of the answers in the last 10 minutes`;
    const line = sparkline(dom, parts[index] ?? [], description, { largest: 1, marks: changes });
    over.rows.append(h("tr", null, h("th", { scope: "row" }, name), ...[line, share(total / n), total].map((cell) => h("td", null, cell))));
  }
  const others = rows.length > CLASSES && h("p", { class: "hint" }, `${rows.length - CLASSES} more, less frequent.`);
  const marked = changes.length > 0 && h("p", { class: "hint" }, "An upright line: another model came into use.");
  dom.replace(element, h("h3", null, "Class mix"), over.element, others, marked);
}

/**
 * @param {Dom} dom
 * @param {Element} element
 * @param {PredictionSample} sample
 */
function drawModels(dom, element, sample) {
  const { h } = dom;
  const models = sample.models();
  if (models.length === 0) return;
  const seen = table(dom, "Models, the newest first", ["model", "first seen", "predictions seen", "sha256"]);
  for (const { name, sha256, since, n } of [...models].reverse()) {
    seen.rows.append(h("tr", null, ...[h("strong", null, name), clock(since), n, h("code", null, sha256.slice(0, 12))].map((cell) => h("td", null, cell))));
  }
  dom.replace(element, h("h3", null, "Models"), seen.element);
}
