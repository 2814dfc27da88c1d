// @ts-check
/** Where else a trace may be: panels keep some longer than the stream's state does. Pure. */

import { isArrivalOf, keyOf } from "./message.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../wire").Delivered} Delivered */
/** @typedef {import("../wire").Dropped} Dropped */
/** @typedef {import("../state.js").State} State */

/**
 * @typedef {object} Kept
 * @property {readonly Message[]} messages
 * @property {readonly Delivered[]} delivered
 * @property {readonly Dropped[]} dropped
 */

/** @typedef {(trace: string) => Partial<Kept>} Memory */

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
 * All that is kept of a trace anywhere, each once, messages in the order of time. A live message is preferred to the same
 * one read from upstream, which does not tell its routes.
 * @param {State} state
 * @param {string} trace
 * @returns {Kept}
 */
export function recall(state, trace) {
  const kept = [state.trace(trace) ?? {}, ...[...(memories.get(state) ?? [])].map((memory) => memory(trace))];
  return {
    messages: eachOnce(kept.flatMap(({ messages = [] }) => messages)).sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at))),
    delivered: [...new Set(kept.flatMap(({ delivered = [] }) => delivered))],
    dropped: [...new Set(kept.flatMap(({ dropped = [] }) => dropped))],
  };
}

/**
 * @param {readonly Message[]} messages
 * @returns {Message[]}
 */
function eachOnce(messages) {
  const live = [...new Set(messages.filter((message) => message.arrivedId === undefined))];
  const arrived = new Map(messages.filter((message) => message.arrivedId !== undefined).map((message) => [keyOf(message), message]));
  const open = new Set(live);
  const others = [...arrived.values()].filter((message) => {
    const same = [...open].find((one) => isArrivalOf(message, one));
    return same === undefined || !open.delete(same);
  });
  return [...live, ...others];
}
