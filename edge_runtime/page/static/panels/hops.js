// @ts-check
/** Where a trace spent its time: from capture over modules and the hub's queues to upstream. Pure. */

import { duration } from "./figures.js";
import { idOf, millis, schemaOf, senderOf } from "./message.js";
import { SCHEMA as PREDICTION, predictionOf } from "./prediction.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../wire").Delivered} Delivered */

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
  /** @type {{where: "module" | "hub", name: string, from: number, to: number, note: string}[]} */
  const hops = [];
  for (const [index, message] of stored.entries()) {
    const making = made(message, stored.slice(0, index), delivered);
    if (making !== null) hops.push(making);
    for (const one of deliveriesOf(message, delivered)) {
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
 * @param {readonly Delivered[]} delivered
 * @returns {Hop | null}
 */
function made(message, before, delivered) {
  const at = millis(message.at);
  const handed = before.length === 0 ? millis(message.app.capturedAt) : handedAt(message, before, delivered);
  if (Number.isNaN(handed)) return null;
  const early = handed > at;
  const note = early ? "its clock is ahead of the hub's" : timings(message);
  return { where: "module", name: senderOf(message), from: early ? at : handed, to: at, note };
}

/**
 * When the module had what it answers: the last delivery to one of its inputs, else the last message stored before.
 * @param {Message} message
 * @param {Message[]} before
 * @param {readonly Delivered[]} delivered
 */
function handedAt(message, before, delivered) {
  const at = millis(message.at);
  const inputs = before
    .flatMap((one) => deliveriesOf(one, delivered))
    .filter((one) => message.module !== null && one.endpoint.startsWith(`${message.module}/`))
    .map((one) => millis(one.at))
    .filter((moment) => moment <= at);
  return inputs.length > 0 ? Math.max(...inputs) : Math.max(...before.map((one) => millis(one.at)));
}

/**
 * @param {Message} message
 * @param {readonly Delivered[]} delivered
 */
function deliveriesOf(message, delivered) {
  const id = idOf(message);
  return delivered.filter(
    (one) => id !== null && one.messageId === id && message.endpoints.includes(one.endpoint) && millis(one.at) > 0,
  );
}

/** @param {Message} message */
function timings(message) {
  if (schemaOf(message) !== PREDICTION) return "";
  const known = Object.entries(predictionOf(message).timingsMs).filter(([, ms]) => ms !== null);
  return known.map(([name, ms]) => `${name} ${duration(/** @type {number} */ (ms))}`).join(", ");
}
