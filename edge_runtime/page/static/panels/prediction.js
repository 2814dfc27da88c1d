// @ts-check
/** `prediction/1` (docs/messages/prediction-1.json) as the panels show it. Pure. */

import { finite, jsonBody, record, text } from "./message.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {{label: string, probability: number}} Score */
/** @typedef {"right" | "wrong" | "unjudged" | "abstained" | "error"} Outcome unjudged: nobody knows the truth */

/**
 * @typedef {object} Prediction
 * @property {Outcome} outcome
 * @property {Score[]} top most probable first; empty for an error
 * @property {string | null} truth
 * @property {string | null} reason why it abstained
 * @property {{code: string, message: string} | null} error
 * @property {{name: string, version: string, sha256: string}} model
 * @property {string | null} capturedAt
 * @property {{queue: number | null, decode: number | null, infer: number | null}} timingsMs
 * @property {string | null} frameId
 */

export const SCHEMA = "prediction/1";

/** @type {WeakMap<Message, Prediction>} */
const read = new WeakMap();

/**
 * Read once for each message, and lenient: what is missing or of another type is left out.
 * @param {Message} message
 * @returns {Prediction}
 */
export function predictionOf(message) {
  let prediction = read.get(message);
  if (prediction === undefined) {
    prediction = readPrediction(jsonBody(message));
    read.set(message, prediction);
  }
  return prediction;
}

/**
 * @param {Record<string, unknown>} body
 * @returns {Prediction}
 */
export function readPrediction(body) {
  const failure = body.error === undefined ? null : record(body.error);
  const model = record(body.model);
  const timings = record(body.timingsMs);
  const truth = text(body.truth);
  const error = failure && { code: text(failure.code) ?? "unknown", message: text(failure.message) ?? "" };
  const top = error ? [] : scores(body.top);
  return {
    outcome: outcomeOf(error !== null, body.abstained === true, top, truth),
    top,
    truth,
    reason: text(body.reason),
    error,
    model: { name: text(model.name) ?? "", version: text(model.version) ?? "", sha256: text(model.sha256) ?? "" },
    capturedAt: text(body.capturedAt),
    timingsMs: {
      queue: finite(timings.queue),
      decode: finite(timings.decode),
      infer: finite(timings.infer),
    },
    frameId: text(body.frameId),
  };
}

/** @param {unknown} value @returns {Score[]} */
function scores(value) {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry) => {
    const { label, probability } = record(entry);
    const sure = finite(probability);
    return typeof label === "string" && sure !== null ? [{ label, probability: Math.min(1, Math.max(0, sure)) }] : [];
  });
}

/**
 * @param {boolean} failed
 * @param {boolean} abstained
 * @param {Score[]} top
 * @param {string | null} truth
 * @returns {Outcome}
 */
function outcomeOf(failed, abstained, top, truth) {
  if (failed || top[0] === undefined) return "error";
  if (abstained) return "abstained";
  if (truth === null) return "unjudged";
  return top[0].label === truth ? "right" : "wrong";
}

/** What people call a model. @param {Prediction["model"]} model */
export function modelName(model) {
  return [model.name, model.version].filter(Boolean).join(" ") || "unknown model";
}
