// @ts-check
/** The panel about the model: how often it is right, what it mistakes for what, how sure it is, what it sees. */

import { histogram, sparkline } from "./charts.js";
import { interval, score } from "./confusion.js";
import { clock, share } from "./figures.js";
import { arrivedOf } from "./history.js";
import { millis } from "./message.js";
import { confusionTable, mixTable, modelTable } from "./model-tables.js";
import { PredictionSample } from "./prediction-sample.js";
import { SCHEMA as SUMMARY, Summaries } from "./summaries.js";
import { figure } from "../format.js";

/** @typedef {typeof import("../dom.js")} Dom */
/** @typedef {import("../panel.js").Context} Context */

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "model",
  title: "Model",
  mount(element, context) {
    const { dom, state } = context;
    const { h } = dom;
    const summaries = new Summaries();
    const sample = new PredictionSample();
    const accuracy = h("div", { class: "accuracy" });
    const confidence = h("div", { class: "confidence" });
    const [confusion, mix, models] = [confusionTable(dom), mixTable(dom), modelTable(dom)];
    dom.append(element, h("div", null, accuracy, confidence, models.element), h("div", null, confusion.element, mix.element));
    let asked = false;
    let drawn = "";

    const draw = context.redraw(() => {
      if (!asked && state.snapshot) {
        asked = true;
        void earlier(context, summaries, draw);
      }
      const seen = sample.mix(millis(state.snapshot?.at));
      const now = `${summaries.periods().length} ${sample.taken} ${seen.end}`;
      if (now === drawn) return;
      drawn = now;
      const totals = summaries.totals();
      const exact = totals.judged > 0;
      const counts = exact ? totals.confusion : sample.confusion();
      drawAccuracy(dom, accuracy, summaries, sample);
      drawConfidence(dom, confidence, sample);
      confusion.draw(counts, exact ? "exact" : `sampled, n = ${figure(score(counts).n)}`);
      mix.draw(seen, sample.models());
      models.draw(sample.models());
    });
    const ends = [
      state.on("message", (message) => void (sample.take(message) || summaries.take(message))),
      // Once a second: figures that change more often cannot be read.
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
  if (n === 0) {
    const why = "Nobody told the truth yet: no frame with a label was seen, and no summary with an accuracy.";
    dom.replace(element, h("h3", null, "Accuracy"), h("p", { class: "hint" }, why));
    return;
  }
  const { low, high } = interval(correct, n);
  const source = exact
    ? `Exact: of all ${figure(n)} predictions whose truth travelled, ${clock(totals.since)} to ${clock(totals.until)} (${totals.periods} summaries).`
    : `Sampled: of ${figure(n)} predictions that this page saw and whose truth travelled. The exact figure comes with the next summary.`;
  dom.replace(
    element,
    h("h3", null, "Accuracy"),
    h("p", { class: "figure" }, share(correct / n)),
    h("p", null, `95 % interval: ${share(low)} to ${share(high)}. An abstention is never right.`),
    h("p", { class: "hint", dataset: { exact: String(exact) } }, source),
    ...accuracyLine(dom, summaries),
  );
}

/**
 * @param {Dom} dom
 * @param {Summaries} summaries
 */
function accuracyLine(dom, summaries) {
  const over = summaries.accuracies().map((one) => one.share);
  if (over.length < 2) return [];
  return [
    dom.h("p", { class: "hint" }, `Each of the last ${over.length} summaries, 0 to 100 %:`),
    sparkline(dom, over, `Accuracy of the last ${over.length} summaries: ${over.map(share).join(", ")}`, { largest: 1 }),
  ];
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
