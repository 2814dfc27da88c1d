// @ts-check
/** `prediction/1` (docs/messages/prediction-1.json) as the panels show it. Pure. */

import { visible } from "../format.js";
import { cut, finite, jsonBody, record, schemaOf, text } from "./message.js";

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

/** What the schema allows of a label, an id, an error's words; and more classes than anybody looks at. */
const [LABEL, ID, WORDS, CLASSES] = [64, 128, 1024, 20];

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
  const truth = short(body.truth);
  const error = failure && { code: short(failure.code) ?? "unknown", message: short(failure.message, WORDS) ?? "" };
  const top = error ? [] : scores(body.top);
  return {
    outcome: outcomeOf(error !== null, body.abstained === true, top, truth),
    top,
    truth,
    reason: short(body.reason),
    error,
    model: { name: short(model.name) ?? "", version: short(model.version) ?? "", sha256: short(model.sha256) ?? "" },
    capturedAt: short(body.capturedAt),
    timingsMs: {
      queue: finite(timings.queue),
      decode: finite(timings.decode),
      infer: finite(timings.infer),
    },
    frameId: short(body.frameId, ID),
  };
}

/**
 * The truth that travels with a frame.
 * @param {Message} frame
 * @returns {string | null}
 */
export function labelOf(frame) {
  return short(frame.app.label) || null;
}

/**
 * A prediction by what its frame shows, where the frame tells: it knows better than what was made of it.
 * @param {Prediction} prediction
 * @param {string | null} label of the frame
 * @returns {Prediction}
 */
export function judged(prediction, label) {
  if (label === null || label === prediction.truth) return prediction;
  const { outcome, top } = prediction;
  return { ...prediction, truth: label, outcome: outcomeOf(outcome === "error", outcome === "abstained", top, label) };
}

/**
 * What was answered, and by which model: a message that another module sends on says the same again.
 * @param {Message} message
 */
export function answerKey(message) {
  const { frameId, model } = predictionOf(message);
  return JSON.stringify([message.trace, frameId, model.name, model.version, model.sha256]);
}

/**
 * The first answer of the newest model: what others send on later says nothing new.
 * @param {readonly Message[]} messages of any schema, in the order of time
 * @returns {Message | undefined}
 */
export function newestAnswer(messages) {
  /** @type {Map<string, Message>} */
  const first = new Map();
  for (const message of messages) {
    if (schemaOf(message) === SCHEMA && !first.has(answerKey(message))) first.set(answerKey(message), message);
  }
  return [...first.values()].at(-1);
}

/** @param {unknown} value @param {number} [most] */
function short(value, most = LABEL) {
  const given = text(value);
  return given === null ? null : visible(cut(given, most));
}

/** @param {unknown} value @returns {Score[]} */
function scores(value) {
  if (!Array.isArray(value)) return [];
  return value.slice(0, CLASSES).flatMap((entry) => {
    const { label: given, probability } = record(entry);
    const [label, sure] = [short(given), finite(probability)];
    return label !== null && sure !== null ? [{ label, probability: Math.min(1, Math.max(0, sure)) }] : [];
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
