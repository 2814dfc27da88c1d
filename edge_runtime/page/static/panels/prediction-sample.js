// @ts-check
/** Figures of the predictions that the page happened to see: a sample, and the page says so. Pure. */

import { Bounded } from "./bounded.js";
import { Buckets } from "./buckets.js";
import { count, noCounts } from "./confusion.js";
import { SCHEMA as FRAME } from "./frame-board.js";
import { idOf, millis, schemaOf } from "./message.js";
import { SCHEMA, answerKey, judged, labelOf, modelName, predictionOf } from "./prediction.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("./prediction.js").Outcome} Outcome */

/**
 * @typedef {object} Seen
 * @property {string} key of the answer, whoever sends it
 * @property {number} at milliseconds since 1970
 * @property {Outcome} outcome
 * @property {string} label the most probable one, "" for an error
 * @property {number} probability
 * @property {string | null} truth
 */

/** @typedef {{name: string, sha256: string, since: number, last: number, n: number}} Model `since`, `last`: of its predictions that were seen */

export const PREDICTIONS = 2000;
export const INTERVAL_MS = 10_000;
export const INTERVALS = 60;
export const ABSTAINED = "(abstained)";
export const ERROR = "(error)";
/** Classes that are told apart over time. */
const CLASSES = 30;
const MODELS = 20;
/** A model that answered so long ago and answers again has come back; one that did not is used beside others. */
const AWAY_MS = 60_000;
/** Frames whose labels are remembered until they are predicted. */
const LABELS = 500;

export class PredictionSample {
  /** What is kept of one is short: no bound of bytes is needed. @type {Bounded<Seen>} */
  #seen = new Bounded(PREDICTIONS, Infinity, () => 0);
  /** @type {Bounded<{trace: string, id: string | null, label: string}>} */
  #labels = new Bounded(LABELS, Infinity, () => 0);
  /** @type {Set<string>} */
  #known = new Set();
  #mix = new Buckets(INTERVAL_MS, INTERVALS, CLASSES);
  /** @type {Model[]} */
  #models = [];

  /** How many were taken, those included that are forgotten again. */
  taken = 0;

  get n() {
    return this.#known.size;
  }

  /**
   * Take a message of any schema.
   * @param {Message} message
   * @returns {boolean} whether it is a prediction that was not known
   */
  take(message) {
    if (schemaOf(message) === FRAME) this.#remember(message);
    if (schemaOf(message) !== SCHEMA) return false;
    const key = answerKey(message);
    if (this.#known.has(key)) return false;
    const { outcome, top, truth, model } = judged(predictionOf(message), this.#labelFor(message));
    const at = millis(message.at);
    const { label, probability } = top[0] ?? { label: "", probability: 0 };
    for (const gone of this.#seen.push({ key, at, outcome, label, probability, truth })) this.#known.delete(gone.key);
    this.#known.add(key);
    this.taken += 1;
    this.#mix.add(at, outcome === "abstained" ? ABSTAINED : label || ERROR);
    this.#count(model, at);
    return true;
  }

  /** @returns {number[]} answers, abstentions left out, with a probability in [0, 0.1), [0.1, 0.2)... [0.9, 1] */
  confidence() {
    const bars = new Array(10).fill(0);
    for (const { outcome, probability } of this.#seen.items) {
      if (outcome !== "error" && outcome !== "abstained") bars[Math.min(9, Math.floor(probability * 10))] += 1;
    }
    return bars;
  }

  /**
   * Answers over time, the most frequent class first.
   * @param {number} now milliseconds since 1970
   * @returns {{rows: {name: string, values: number[], total: number}[], end: number}}
   */
  mix(now) {
    if (Number.isFinite(now)) this.#mix.advance(now);
    return { rows: this.#mix.rows(), end: this.#mix.end };
  }

  /** Answers by truth, of those whose truth travelled; as the exact ones are counted. */
  confusion() {
    const counts = noCounts();
    for (const { outcome, label, truth } of this.#seen.items) {
      if (truth !== null && outcome !== "error") count(counts, truth, outcome === "abstained" ? ABSTAINED : label);
    }
    return counts;
  }

  /** @returns {readonly Model[]} in the order in which they came into use; one that came back is there twice */
  models() {
    return this.#models;
  }

  /** @param {Message} frame */
  #remember(frame) {
    const label = labelOf(frame);
    if (label !== null) this.#labels.push({ trace: frame.trace, id: idOf(frame), label });
  }

  /** The label of the frame that it names, else of its trace's. @param {Message} prediction */
  #labelFor(prediction) {
    const { frameId } = predictionOf(prediction);
    const { items } = this.#labels;
    const ofTrace = items.filter(({ trace }) => trace === prediction.trace);
    const named = [...ofTrace, ...items.toReversed()].find(({ id }) => id !== null && id === frameId);
    return (named ?? ofTrace[0])?.label ?? null;
  }

  /**
   * @param {import("./prediction.js").Prediction["model"]} model
   * @param {number} at
   */
  #count(model, at) {
    const name = modelName(model);
    const known = this.#models.findLast((one) => one.sha256 === model.sha256 && one.name === name);
    if (known !== undefined && (known === this.#models.at(-1) || at - known.last < AWAY_MS)) {
      [known.n, known.last] = [known.n + 1, Math.max(known.last, at)];
      return;
    }
    this.#models.push({ name, sha256: model.sha256, since: at, last: at, n: 1 });
    if (this.#models.length > MODELS) this.#models.shift();
  }
}
