// @ts-check
/** Figures for people. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** @param {number | null | undefined} bytes @returns {string} `83 MiB`; a dash when not known */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** @param {number} value @returns {string} `0`, `0.3`, `12`, `1,204` */
export function figure(value) {
  if (value !== 0 && Math.abs(value) < 10 && !Number.isInteger(value)) return value.toFixed(1);
  return Math.round(value).toLocaleString("en");
}

/** @param {number} perSecond @returns {string} `0.3/s` */
export function rate(perSecond) {
  return `${figure(perSecond)}/s`;
}

/** @param {number | null | undefined} value @returns {string} */
export function percent(value) {
  return value === null || value === undefined ? "–" : `${figure(value)} %`;
}

/** @param {string | null} start RFC 3339 @param {string} now RFC 3339 @returns {string} `2 h 5 min`; a dash when not known */
export function span(start, now) {
  const seconds = start === null ? NaN : Math.max(0, (Date.parse(now) - Date.parse(start)) / 1000);
  if (Number.isNaN(seconds)) return "–";
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/** @param {string} text @param {number} length @returns {string} with an ellipsis where something was left out */
export function shorten(text, length) {
  return text.length <= length ? text : `${text.slice(0, Math.max(1, length - 1))}…`;
}

/** Marks that turn the direction of what follows them, also of the page's own words. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** @param {string} text of somebody else's, to stand within a line of ours @returns {string} `‹U+202E›` in place of such a mark */
export function visible(text) {
  return text.replace(TURNING, (mark) => `‹U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}
