// @ts-check
/** `summary/1` messages (docs/messages/summary-1.json), each counted once: exact figures over all messages. Pure. */

import { Bounded } from "./bounded.js";
import { addAll, noCounts } from "./confusion.js";
import { cut, finite, jsonBody, millis, nameOf, record, schemaOf, senderOf } from "./message.js";

/** @typedef {import("./message.js").Message} Message */

/**
 * @typedef {object} Period
 * @property {string} key
 * @property {string} sender
 * @property {number} number counted by the sender, from its start; NaN when it counts not
 * @property {number} since milliseconds since 1970
 * @property {number} until
 * @property {number} characters
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
/** Of all of them: each is read again for each total. */
const CHARACTERS = 4 * 1024 * 1024;
/** Of a class's name, as the schema of predictions has it. */
const NAME = 64;

export class Summaries {
  /** @type {Bounded<Period>} the oldest first */
  #periods = new Bounded(PERIODS, CHARACTERS, ({ characters }) => characters);
  /** @type {Set<string>} */
  #known = new Set();
  /** Grows with each that is taken. */
  taken = 0;

  /**
   * Take a message of any schema.
   * @param {Message} message
   * @returns {boolean} whether it is a summary that was not known
   */
  take(message) {
    const period = schemaOf(message) === SCHEMA ? periodOf(message) : null;
    if (period === null || this.#known.has(period.key)) return false;
    this.taken += 1;
    const periods = [...this.#periods.clear(), period].sort((a, b) => a.until - b.until);
    this.#known.clear();
    for (const one of periods) {
      this.#known.add(one.key);
      for (const { key } of this.#periods.push(one)) this.#known.delete(key);
    }
    return this.#known.has(period.key);
  }

  /**
   * Those of the newest run of each module that makes them, which the model may have changed with.
   * @param {number} [since] milliseconds since 1970: none that began before
   * @returns {Period[]} the oldest first
   */
  periods(since = -Infinity) {
    /** @type {Map<string, number>} */
    const following = new Map();
    const periods = [...this.#periods.items].reverse().filter(({ sender, number }) => {
      // What counts further than the one after it is of a run before.
      const ended = number >= (following.get(sender) ?? Infinity);
      following.set(sender, ended ? -Infinity : number);
      return !ended;
    });
    return periods.reverse().filter((period) => period.since >= since);
  }

  /**
   * Of these periods together.
   * @param {Period[]} [periods]
   * @returns {Totals}
   */
  totals(periods = this.periods()) {
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

  /**
   * The share that was right in each period that judged any.
   * @param {Period[]} [periods]
   * @returns {{at: number, n: number, share: number}[]}
   */
  accuracies(periods = this.periods()) {
    return periods.flatMap(({ until, body }) => {
      const { n, correct } = accuracyOf(body);
      return n > 0 ? [{ at: until, n, share: correct / n }] : [];
    });
  }
}

/**
 * @param {Message} message
 * @returns {Period | null} null when it tells no time
 */
function periodOf(message) {
  const body = jsonBody(message);
  const [since, until] = [millis(body.since), millis(body.until)];
  if (Number.isNaN(since) || Number.isNaN(until)) return null;
  const key = JSON.stringify([nameOf(message), since, until]);
  const number = finite(body.number) ?? NaN;
  return { key, sender: senderOf(message), number, since, until, characters: (message.body ?? "").length, body };
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

/**
 * Nothing where the figures cannot be: none judged, or more right than judged.
 * @param {Record<string, unknown>} body
 */
function accuracyOf(body) {
  const accuracy = record(body.accuracy);
  const [n, correct] = [finite(accuracy.n) ?? 0, finite(accuracy.correct) ?? 0];
  if (!(n > 0 && correct >= 0 && correct <= n)) return { n: 0, correct: 0, confusion: null };
  return { n, correct, confusion: accuracy.confusion };
}

/**
 * @param {Map<string, number>} totals
 * @param {unknown} counts
 */
function addCounts(totals, counts) {
  for (const [given, value] of Object.entries(record(counts))) {
    const name = cut(given, NAME);
    if (totals.has(name) || totals.size < 500) totals.set(name, (totals.get(name) ?? 0) + (finite(value) ?? 0));
  }
}
