// @ts-check
/** A prediction, drawn: what it says in words and as bars. */

import { bar } from "./charts.js";
import { duration, share } from "./figures.js";
import { modelName } from "./prediction.js";

/** @typedef {import("./prediction.js").Prediction} Prediction */
/** @typedef {typeof import("../dom.js")} Dom */

/**
 * What became of a frame, in words; the first character says the same without colour.
 * @param {Prediction | null} prediction
 */
export function outcomeText(prediction) {
  if (prediction === null) return "… no prediction yet";
  const { truth } = prediction;
  switch (prediction.outcome) {
    case "right":
      return "✓ right";
    case "wrong":
      return `✗ wrong: it is ${truth}`;
    case "abstained":
      return `? abstained: ${prediction.reason ?? "no reason given"}${truth === null ? "" : `; it is ${truth}`}`;
    case "error":
      return prediction.error ? `! error: ${prediction.error.code}` : "! no result";
    default:
      return "· truth not known";
  }
}

/**
 * The most probable classes with their bars.
 * @param {Dom} dom
 * @param {Prediction} prediction
 * @param {number} most
 */
export function scoreBars(dom, { top }, most) {
  const { h } = dom;
  return h("span", { class: "scores" }, ...top.slice(0, most).map(({ label, probability }) => {
    return h("span", { class: "score" }, h("span", { class: "name" }, label), bar(dom, probability), h("span", { class: "figure" }, share(probability)));
  }));
}

/**
 * `net 2 · 34 ms`
 * @param {Prediction} prediction
 * @param {number | null} latencyMs from capture until the hub had the prediction
 */
export function modelLine({ model }, latencyMs) {
  return [modelName(model), latencyMs !== null && duration(latencyMs)].filter(Boolean).join(" · ");
}

/**
 * What the model took, part by part.
 * @param {Prediction} prediction
 */
export function timingsLine({ timingsMs }) {
  const parts = Object.entries(timingsMs).flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${duration(ms)}`]));
  return parts.join(", ");
}
