// @ts-check
/** Shares, stretches of time and times of day for people; `../format.js` has the others. Pure. */

import { figure } from "../format.js";

/**
 * @param {number} part in [0, 1]
 * @returns {string} `93.4 %`
 */
export function share(part) {
  return `${(part * 100).toFixed(1)} %`;
}

/**
 * @param {number} ms
 * @returns {string} `0.04 ms`, `8.1 ms`, `412 ms`, `1.5 s`, `1 min 15 s`
 */
export function duration(ms) {
  if (ms < 10) return `${ms.toFixed(ms < 0.095 ? 2 : 1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${figure(Math.floor(seconds / 60))} min ${seconds % 60} s`;
}

/**
 * @param {number} at milliseconds since 1970
 * @param {number} [now] the same
 * @returns {string} `13:04:05`, with the day (`3 Jan 13:04:05`) when it is another one; by the clock of whoever looks; a
 *   dash when not known
 */
export function clock(at, now = Date.now()) {
  if (!Number.isFinite(at)) return "–";
  const [moment, today] = [new Date(at), new Date(now)];
  const time = moment.toLocaleTimeString("en-GB");
  if (moment.toDateString() === today.toDateString()) return time;
  return `${moment.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}
