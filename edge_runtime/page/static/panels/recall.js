// @ts-check
/** Where else the messages of a trace may be: panels keep some longer than the stream's state does. Pure. */

import { keyOf } from "./message.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../state.js").State} State */
/** @typedef {(trace: string) => readonly Message[]} Memory */

/** @type {WeakMap<State, Set<Memory>>} */
const memories = new WeakMap();

/**
 * @param {State} state
 * @param {Memory} memory
 * @returns {() => void} ends it
 */
export function remember(state, memory) {
  const known = memories.get(state) ?? new Set();
  memories.set(state, known.add(memory));
  return () => void known.delete(memory);
}

/**
 * All messages of a trace that are kept anywhere, each once, in the order of time. A live one is preferred to the same
 * one read from upstream, which does not tell its routes.
 * @param {State} state
 * @param {string} trace
 * @returns {Message[]}
 */
export function recall(state, trace) {
  /** @type {Map<string, Message>} */
  const found = new Map();
  for (const message of [
    ...(state.trace(trace)?.messages ?? []),
    ...[...(memories.get(state) ?? [])].flatMap((memory) => memory(trace)),
  ]) {
    const known = found.get(keyOf(message));
    if (known === undefined || known.arrivedId !== undefined) found.set(keyOf(message), message);
  }
  return [...found.values()].sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
}
