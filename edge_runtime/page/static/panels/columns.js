// @ts-check
/** A table of messages that the page knows nothing about: its columns come from their properties. Pure. */

import { shorten } from "../format.js";
import { bodyOf, contentType } from "./message.js";

/** @typedef {import("./message.js").Message} Message */

/** Columns of properties; the others are in the dialog about a message. */
export const COLUMNS = 6;
/** Characters of a cell. */
export const CELL = 80;
/** They say the same of every message here, or have a column of their own. */
const LEFT_OUT = new Set(["schema", "traceparent", "tracestate"]);

/**
 * The names of the properties that most of the messages have, in the order in which a message has them.
 * @param {readonly Message[]} messages
 * @returns {string[]}
 */
export function columns(messages) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const message of messages) {
    for (const name of Object.keys(message.app)) {
      if (!LEFT_OUT.has(name)) found.set(name, (found.get(name) ?? 0) + 1);
    }
  }
  const most = [...found].sort((a, b) => b[1] - a[1]).slice(0, COLUMNS);
  return [...found.keys()].filter((name) => most.some(([one]) => one === name));
}

/**
 * The beginning of the body as one line, or what kind it is.
 * @param {Message} message
 */
export function preview(message) {
  const body = bodyOf(message);
  if (body.kind === "omitted") return `left out: ${body.reason}`;
  if (body.kind === "binary") return contentType(message) || "binary";
  return body.kind === "empty" ? "" : shorten(body.text.slice(0, 4 * CELL).replace(/\s+/g, " "), CELL);
}
