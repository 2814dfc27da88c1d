// @ts-check
/** The panel about the model: how often it is right, what it mistakes for what, how sure it is, what it sees. */

import { histogram, sparkline } from "./charts.js";
import { interval, score } from "./confusion.js";
import { clock, share } from "./figures.js";
import { arrivedOf } from "./history.js";
import { millis } from "./message.js";
import { confusionTable, mixTable, modelTable } from "./model-tables.js";
import { PredictionSample } from "./prediction-sample.js";
import { Reading } from "./reading.js";
import { PERIODS, SCHEMA as SUMMARY, Summaries } from "./summaries.js";
import { figure } from "../format.js";

/** @typedef {typeof import("../dom.js")} Dom */
/** @typedef {import("../panel.js").Context} Context */

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "model",
  title: "Model",
  mount(element, context) {
    const { api, dom, state } = context;
    const { h } = dom;
    const summaries = new Summaries();
    const sample = new PredictionSample();
    const accuracy = h("div", { class: "accuracy" });
    const confidence = h("div", { class: "confidence" });
    const [confusion, mix, models] = [confusionTable(dom), mixTable(dom), modelTable(dom)];
    dom.append(element, h("div", null, accuracy, confidence, models.element), h("div", null, confusion.element, mix.element));
    let drawn = "";
    let reached = -Infinity;
    // Summaries from before the page looked, and from while it heard nothing.
    const earlier = new Reading(async () => {
      const routes = state.snapshot?.routes ?? [];
      for (const message of await arrivedOf(api, routes, SUMMARY, PERIODS, reached)) {
        summaries.take(message);
        reached = Math.max(reached, message.arrivedId ?? reached);
      }
    });

    const draw = context.redraw(() => {
      if (state.snapshot) void earlier.go();
      const seen = sample.mix(millis(state.snapshot?.at));
      const now = `${summaries.taken} ${sample.taken} ${seen.end} ${earlier.failure}`;
      if (now === drawn) return;
      drawn = now;
      const periods = summaries.periods(newestSince(sample.models()));
      const totals = summaries.totals(periods);
      const exact = totals.judged > 0;
      const counts = exact ? totals.confusion : sample.confusion();
      dom.replace(
        accuracy,
        h("h3", null, "Accuracy"),
        ...(exact ? exactAccuracy(dom, totals, summaries.accuracies(periods)) : sampledAccuracy(dom, sample, summaries.taken > 0)),
        earlier.failure && h("p", { class: "failure" }, `Earlier summaries cannot be read, it is tried again: ${earlier.failure}`),
      );
      drawConfidence(dom, confidence, sample);
      confusion.draw(counts, exact ? "exact" : `sampled, n = ${figure(score(counts).n)}`);
      mix.draw(seen, sample.models());
      models.draw(sample.models());
    });
    const ends = [
      state.on("message", (message) => void (sample.take(message) || summaries.take(message))),
      // Once a second: figures that change more often cannot be read.
      state.on("snapshot", draw),
      state.on("missed", () => earlier.want()),
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
 * Since when the newest model is used; the beginning of time where no other was seen.
 * @param {readonly import("./prediction-sample.js").Model[]} models
 */
function newestSince(models) {
  return models.length > 1 ? Math.max(...models.map(({ since }) => since)) : -Infinity;
}

/**
 * @param {Dom} dom
 * @param {import("./summaries.js").Totals} totals
 * @param {{share: number}[]} over
 */
function exactAccuracy(dom, { judged, correct, since, until, periods }, over) {
  const { h } = dom;
  const shares = over.map((one) => one.share);
  const of = periods === 1 ? "one summary" : `${periods} summaries`;
  const line = sparkline(dom, shares, `Accuracy of the last ${shares.length} summaries: ${shares.map(share).join(", ")}`, { largest: 1 });
  return [
    h("p", { class: "figure" }, share(correct / judged)),
    h("p", { class: "hint", dataset: { exact: "true" } },
      `Exact: of all ${figure(judged)} predictions whose truth travelled, ${clock(since)} to ${clock(until)} (${of} of the newest run). An abstention is never right.`),
    shares.length > 1 && h("p", { class: "hint" }, `Each of the last ${shares.length} summaries, 0 to 100 %:`),
    shares.length > 1 && line,
  ];
}

/**
 * @param {Dom} dom
 * @param {PredictionSample} sample
 * @param {boolean} summarised whether a module sends summaries
 */
function sampledAccuracy({ h }, sample, summarised) {
  const { n, correct } = score(sample.confusion());
  if (n === 0) {
    return [h("p", { class: "hint" }, "Nobody told the truth yet: no frame with a label was seen, and no summary with an accuracy.")];
  }
  const { low, high } = interval(correct, n);
  const next = summarised ? "The exact figure comes with the next summary." : "A module that sends summary/1 makes it exact.";
  return [
    h("p", { class: "figure" }, share(correct / n)),
    h("p", null, `95 % interval: ${share(low)} to ${share(high)} if each was a draw of its own; frames of one scene are alike, so it is wider. An abstention is never right.`),
    h("p", { class: "hint", dataset: { exact: "false" } },
      `Sampled: of ${figure(n)} predictions that this page saw and whose truth travelled: a sample, and beside it those that are sent upstream. ${next}`),
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
    n > 0 && h("p", { class: "hint" }, `Answers by their probability, in steps of 10 %. Sampled, n = ${figure(n)}, with those that are sent upstream; abstentions left out.`),
  );
}
