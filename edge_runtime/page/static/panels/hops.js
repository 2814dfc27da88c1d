// @ts-check
/** Where a trace spent its time: from capture over modules and the hub's queues to upstream. Pure. */

import { duration } from "./figures.js";
import { isOutcomeOf, millis, schemaOf, senderOf } from "./message.js";
import { SCHEMA as PREDICTION, predictionOf } from "./prediction.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../wire").Delivered} Delivered */
/** @typedef {Map<Message, Delivered[]>} Deliveries */

/**
 * One stretch of time, milliseconds since the first moment of the trace.
 * @typedef {object} Hop
 * @property {"module" | "hub"} where in a module, or in the hub's queue
 * @property {string} name
 * @property {number} from
 * @property {number} to never before `from`
 * @property {string} note "" or what is to be known about it
 */

/**
 * @typedef {object} Timeline
 * @property {number} start milliseconds since 1970 of the first moment
 * @property {number} totalMs
 * @property {Hop[]} hops in the order in which they begin
 */

/**
 * @param {readonly Message[]} messages of one trace
 * @param {readonly Delivered[]} delivered
 * @returns {Timeline | null} null when nothing has a time
 */
export function timeline(messages, delivered) {
  const stored = messages.filter((message) => Number.isFinite(millis(message.at)) && message.arrivedId === undefined);
  stored.sort((a, b) => millis(a.at) - millis(b.at));
  const deliveries = assigned(stored, delivered);
  /** @type {{where: "module" | "hub", name: string, from: number, to: number, note: string}[]} */
  const hops = [];
  for (const [index, message] of stored.entries()) {
    const making = made(message, stored.slice(0, index), deliveries);
    if (making !== null) hops.push(making);
    for (const one of deliveries.get(message) ?? []) {
      const to = Math.max(millis(message.at), millis(one.at));
      const note = one.redelivery ? "delivered again" : "";
      hops.push({ where: "hub", name: `hub → ${one.endpoint}`, from: millis(message.at), to, note });
    }
  }
  if (hops.length === 0) return null;
  const start = Math.min(...hops.map((hop) => hop.from));
  const relative = hops.map((hop) => ({ ...hop, from: hop.from - start, to: hop.to - start }));
  relative.sort((a, b) => a.from - b.from || a.to - b.to);
  return { start, totalMs: Math.max(...relative.map((hop) => hop.to)), hops: relative };
}

/**
 * What a module did until the hub had stored its message: since the capture, or since it was handed what it answers.
 * @param {Message} message
 * @param {Message[]} before
 * @param {Deliveries} deliveries
 * @returns {Hop | null}
 */
function made(message, before, deliveries) {
  const at = millis(message.at);
  const handed = before.length === 0 ? millis(message.app.capturedAt) : handedAt(message, before, deliveries);
  if (Number.isNaN(handed)) return null;
  const early = handed > at;
  const note = early ? "its clock is ahead of the hub's" : timings(message);
  return { where: "module", name: senderOf(message), from: early ? at : handed, to: at, note };
}

/**
 * When the module had what it answers: the last delivery to one of its inputs, else the last message stored before.
 * @param {Message} message
 * @param {Message[]} before
 * @param {Deliveries} deliveries
 */
function handedAt(message, before, deliveries) {
  const at = millis(message.at);
  const inputs = before
    .flatMap((one) => deliveries.get(one) ?? [])
    .filter((one) => message.module !== null && one.endpoint.startsWith(`${message.module}/`))
    .map((one) => millis(one.at))
    .filter((moment) => moment <= at);
  return inputs.length > 0 ? Math.max(...inputs) : Math.max(...before.map((one) => millis(one.at)));
}

/**
 * Of messages that cannot be told apart the first has the first delivery; where all have one, the last has the others.
 * @param {readonly Message[]} messages in the order of time
 * @param {readonly Delivered[]} delivered
 * @returns {Deliveries}
 */
function assigned(messages, delivered) {
  /** @type {Deliveries} */
  const found = new Map(messages.map((message) => [message, []]));
  for (const one of delivered) {
    if (!Number.isFinite(millis(one.at))) continue;
    const fitting = messages.filter((message) => isOutcomeOf(one, message) && message.endpoints.includes(one.endpoint));
    const waiting = fitting.find((message) => !found.get(message)?.some(({ endpoint }) => endpoint === one.endpoint));
    const message = waiting ?? fitting.at(-1);
    if (message) found.get(message)?.push(one);
  }
  return found;
}

/** @param {Message} message */
function timings(message) {
  if (schemaOf(message) !== PREDICTION) return "";
  const known = Object.entries(predictionOf(message).timingsMs).filter(([, ms]) => ms !== null);
  return known.map(([name, ms]) => `${name} ${duration(/** @type {number} */ (ms))}`).join(", ");
}
