// @ts-check
/** `summary/1` messages (docs/messages/summary-1.json), each counted once: exact figures over all messages. Pure. */

import { addAll, noCounts } from "./confusion.js";
import { finite, jsonBody, keyOf, millis, record, schemaOf } from "./message.js";

/** @typedef {import("./message.js").Message} Message */

/**
 * @typedef {object} Period
 * @property {string} key
 * @property {number} since milliseconds since 1970
 * @property {number} until
 * @property {Record<string, unknown>} body
 */

/**
 * @typedef {object} Totals
 * @property {number} periods
 * @property {number} since
 * @property {number} until
 * @property {number} predictions
 * @property {Map<string, number>} labels
 * @property {Map<string, number>} abstained by reason
 * @property {Map<string, number>} errors by code
 * @property {number[]} confidence [0, 0.1), [0.1, 0.2)... [0.9, 1]
 * @property {number} judged predictions whose truth is known
 * @property {number} correct
 * @property {import("./confusion.js").Counts} confusion
 */

export const SCHEMA = "summary/1";
/** A day of summaries of the default length. */
export const PERIODS = 288;

export class Summaries {
  /** @type {Map<string, Period>} */
  #periods = new Map();

  /**
   * Take a message of any schema.
   * @param {Message} message
   * @returns {boolean} whether it is a summary that was not known
   */
  take(message) {
    const key = keyOf(message);
    if (schemaOf(message) !== SCHEMA || this.#periods.has(key)) return false;
    const body = jsonBody(message);
    const [since, until] = [millis(body.since), millis(body.until)];
    if (Number.isNaN(since) || Number.isNaN(until)) return false;
    this.#periods.set(key, { key, since, until, body });
    if (this.#periods.size > PERIODS) {
      const oldest = this.periods()[0];
      if (oldest) this.#periods.delete(oldest.key);
    }
    return true;
  }

  /** @returns {Period[]} the oldest first */
  periods() {
    return [...this.#periods.values()].sort((a, b) => a.until - b.until);
  }

  /** Of all periods together. @returns {Totals} */
  totals() {
    const periods = this.periods();
    /** @type {Totals} */
    const totals = {
      periods: periods.length,
      since: Math.min(...periods.map((period) => period.since)),
      until: Math.max(...periods.map((period) => period.until)),
      predictions: 0,
      labels: new Map(),
      abstained: new Map(),
      errors: new Map(),
      confidence: new Array(10).fill(0),
      judged: 0,
      correct: 0,
      confusion: noCounts(),
    };
    for (const { body } of periods) addPeriod(totals, body);
    return totals;
  }

  /** The share that was right in each period that judged any. @returns {{at: number, n: number, share: number}[]} */
  accuracies() {
    return this.periods().flatMap(({ until, body }) => {
      const { n, correct } = accuracyOf(body);
      return n > 0 ? [{ at: until, n, share: correct / n }] : [];
    });
  }
}

/**
 * @param {Totals} totals
 * @param {Record<string, unknown>} body
 */
function addPeriod(totals, body) {
  totals.predictions += finite(body.predictions) ?? 0;
  addCounts(totals.labels, body.labels);
  addCounts(totals.abstained, body.abstained);
  addCounts(totals.errors, body.errors);
  if (Array.isArray(body.confidence)) {
    for (const index of totals.confidence.keys()) {
      totals.confidence[index] = (totals.confidence[index] ?? 0) + (finite(body.confidence[index]) ?? 0);
    }
  }
  const { n, correct, confusion } = accuracyOf(body);
  totals.judged += n;
  totals.correct += correct;
  addAll(totals.confusion, confusion);
}

/** @param {Record<string, unknown>} body */
function accuracyOf(body) {
  const accuracy = record(body.accuracy);
  return { n: finite(accuracy.n) ?? 0, correct: finite(accuracy.correct) ?? 0, confusion: accuracy.confusion };
}

/**
 * @param {Map<string, number>} totals
 * @param {unknown} counts
 */
function addCounts(totals, counts) {
  for (const [name, value] of Object.entries(record(counts))) {
    if (totals.has(name) || totals.size < 500) totals.set(name, (totals.get(name) ?? 0) + (finite(value) ?? 0));
  }
}
