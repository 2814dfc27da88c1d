// @ts-check
/** Counts by name and time, for sparklines and for the mix of classes. Pure. */

/** What is counted under this name when there are too many names. */
export const OTHERS = "(others)";

/**
 * `count` intervals of `widthMs`; the last one holds the newest moment seen. What is older is forgotten, also by a
 * message that comes late.
 */
export class Buckets {
  /** @type {Map<string, number[]>} */
  #rows = new Map();
  /** The number of the newest interval, counted from 1970. */
  #newest = NaN;

  /**
   * @param {number} widthMs
   * @param {number} count
   * @param {number} names that are told apart
   */
  constructor(widthMs, count, names) {
    this.widthMs = widthMs;
    this.count = count;
    this.names = names;
  }

  /** Where the last interval ends, milliseconds since 1970; NaN before anything was counted. */
  get end() {
    return (this.#newest + 1) * this.widthMs;
  }

  /**
   * @param {number} at milliseconds since 1970
   * @param {string} name
   */
  add(at, name) {
    if (!Number.isFinite(at)) return;
    this.advance(at);
    const place = this.count - 1 - (this.#newest - Math.floor(at / this.widthMs));
    if (place < 0) return;
    const known = this.#rows.has(name) || this.#rows.size < this.names ? name : OTHERS;
    const row = this.#rows.get(known) ?? new Array(this.count).fill(0);
    row[place] = (row[place] ?? 0) + 1;
    this.#rows.set(known, row);
  }

  /**
   * Time goes on, whether or not anything comes.
   * @param {number} now milliseconds since 1970
   */
  advance(now) {
    const interval = Math.floor(now / this.widthMs);
    if (Number.isNaN(this.#newest)) this.#newest = interval;
    const steps = interval - this.#newest;
    if (!(steps > 0)) return;
    this.#newest = interval;
    for (const [name, row] of this.#rows) {
      const kept = row.slice(Math.min(steps, this.count));
      if (kept.every((value) => value === 0)) this.#rows.delete(name);
      else this.#rows.set(name, [...kept, ...new Array(this.count - kept.length).fill(0)]);
    }
  }

  /**
   * The most frequent first; names of the same number in the order of names.
   * @returns {{name: string, values: number[], total: number}[]} a copy
   */
  rows() {
    const rows = [...this.#rows].map(([name, values]) => {
      return { name, values: [...values], total: values.reduce((sum, value) => sum + value, 0) };
    });
    return rows.sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1));
  }
}

/**
 * The points of a line through values, x to the right and y down, as an SVG `points` attribute has them.
 * @param {readonly number[]} values
 * @param {number} width
 * @param {number} height
 * @param {number} [largest] the value at the top
 */
export function linePoints(values, width, height, largest = Math.max(1, ...values)) {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  return values.map((value, index) => `${round(index * step)},${round(height - (value / largest) * height)}`).join(" ");
}

/**
 * Those of the intervals that are over: the newest one still fills, and a steady rate would end in a fall.
 * @param {readonly number[]} values
 */
export function finished(values) {
  return values.slice(0, -1);
}

/**
 * Each value as its share of its interval's sum; 0 where nothing was counted.
 * @param {readonly (readonly number[])[]} rows
 * @returns {number[][]}
 */
export function shares(rows) {
  const sums = (rows[0] ?? []).map((_, index) => rows.reduce((sum, row) => sum + (row[index] ?? 0), 0));
  return rows.map((row) => row.map((value, index) => (sums[index] ? value / sums[index] : 0)));
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}
