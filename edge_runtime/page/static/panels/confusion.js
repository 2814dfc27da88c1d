// @ts-check
/** Confusion matrices: `counts[truth][answer]`, sparse. Pure. */

import { cut, finite, record } from "./message.js";

/** @typedef {Map<string, Map<string, number>>} Counts by truth, then by answer */

/**
 * @typedef {object} Matrix
 * @property {string[]} truths one for each row
 * @property {string[]} answers one for each column: the truths and what else was answered, `(abstained)` and its like last
 * @property {number[][]} cells counts
 * @property {number[]} totals of the rows
 * @property {boolean} cut whether rows or columns were left out
 */

/** Rows and columns that a matrix shows: more than that nobody reads, and no browser draws quickly. */
export const LARGEST = 40;
/** Different truths and answers that are told apart at all. */
const NAMES = 500;
/** Characters of a name, as the schema of predictions has it. */
const NAME = 64;

/** @returns {Counts} */
export function noCounts() {
  return new Map();
}

/**
 * @param {Counts} counts
 * @param {string} truth
 * @param {string} answer
 * @param {number} [times]
 */
export function count(counts, truth, answer, times = 1) {
  if (!counts.has(truth) && counts.size >= NAMES) return;
  const row = counts.get(truth) ?? new Map();
  if (!row.has(answer) && row.size >= NAMES) return;
  counts.set(truth, row.set(answer, (row.get(answer) ?? 0) + times));
}

/**
 * Add a `confusion` of `summary/1`. What is no count is left out.
 * @param {Counts} counts
 * @param {unknown} confusion
 */
export function addAll(counts, confusion) {
  for (const [truth, answers] of Object.entries(record(confusion))) {
    for (const [answer, value] of Object.entries(record(answers))) {
      const times = finite(value);
      if (times !== null && times > 0) count(counts, cut(truth, NAME), cut(answer, NAME), times);
    }
  }
}

/**
 * How many were judged, and how many of them were right.
 * @param {Counts} counts
 */
export function score(counts) {
  let n = 0;
  let correct = 0;
  for (const [truth, row] of counts) {
    for (const [answer, times] of row) {
      n += times;
      if (answer === truth) correct += times;
    }
  }
  return { n, correct };
}

/**
 * The matrix in the order of names. Of more than `LARGEST` classes the most frequent ones are shown.
 * @param {Counts} counts
 * @returns {Matrix}
 */
export function matrixOf(counts) {
  const every = [...counts.keys()].map((truth) => ({ truth, total: sum(counts.get(truth)?.values() ?? []) }));
  const shown = every.sort((a, b) => b.total - a.total).slice(0, LARGEST);
  const truths = shown.map(({ truth }) => truth).sort(byName);
  /** @type {Map<string, number>} */
  const strangers = new Map();
  for (const truth of truths) {
    for (const [answer, times] of counts.get(truth) ?? []) {
      if (!truths.includes(answer)) strangers.set(answer, (strangers.get(answer) ?? 0) + times);
    }
  }
  const most = [...strangers].sort((a, b) => b[1] - a[1]).slice(0, LARGEST);
  const answers = [...truths, ...most.map(([answer]) => answer)].sort((a, b) => noClass(a) - noClass(b) || byName(a, b));
  const cells = truths.map((truth) => answers.map((answer) => counts.get(truth)?.get(answer) ?? 0));
  const totals = truths.map((truth) => sum(counts.get(truth)?.values() ?? []));
  return { truths, answers, cells, totals, cut: every.length > shown.length || strangers.size > most.length };
}

/**
 * What is mistaken for what, the most frequent first.
 * @param {Counts} counts
 * @param {number} most
 */
export function mistakes(counts, most) {
  const found = [...counts].flatMap(([truth, row]) =>
    [...row].filter(([answer]) => answer !== truth).map(([answer, times]) => ({ truth, answer, times })),
  );
  return found.sort((a, b) => b.times - a.times || byName(a.truth, b.truth)).slice(0, most);
}

/**
 * The half-width of the 95 % interval around a share (Wilson's: it holds for few samples and for shares near 0 and 1).
 * @param {number} correct
 * @param {number} n at least 1
 */
export function interval(correct, n) {
  const z = 1.96;
  const share = correct / n;
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** @param {Iterable<number>} values */
function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Whether a name stands for no class, as `(abstained)` and `(others)` of summary/1 do. @param {string} name */
function noClass(name) {
  return Number(name.startsWith("("));
}

/** @param {string} a @param {string} b */
function byName(a, b) {
  return a < b ? -1 : Number(a > b);
}
