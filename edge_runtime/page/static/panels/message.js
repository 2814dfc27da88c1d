// @ts-check
/**
 * What panels read out of messages, live ones and those that have arrived upstream.
 *
 * Pure: no DOM. What stands in a message is foreign: types are checked where it is read, and a name such as
 * `__proto__` is a name like any other.
 */

/**
 * @typedef {import("../wire").Message & {arrivedId?: number}} Message
 *   `arrivedId`: its number upstream, when it was read from there; its `routes` and `endpoints` are unknown then
 */

/**
 * @typedef {{kind: "json", value: unknown, text: string} | {kind: "text", text: string} |
 *   {kind: "binary", base64: string} | {kind: "omitted", reason: string} | {kind: "empty"}} Body
 */

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;
const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const PICTURES = /** @type {const} */ (["image/jpeg", "image/png", "image/gif", "image/webp"]);
/** IoT Hub's names of system properties, and the hub's on the device, which routes are written with. */
const HUB_NAMES = new Map([
  ["message-id", "messageId"],
  ["correlation-id", "cid"],
  ["user-id", "userId"],
  ["content-type", "contentType"],
  ["content-encoding", "contentEncoding"],
  ["iothub-message-schema", "messageSchema"],
  ["iothub-creation-time-utc", "creationTime"],
  ["dt-dataschema", "modelId"],
]);
/** The hub tells of a message when it is durable: it may already be on its way upstream then. */
const EARLY_MS = 100;
/** @type {WeakMap<Message, Body>} */
const bodies = new WeakMap();

/** @param {Message} message */
export function schemaOf(message) {
  return message.app.schema ?? "";
}

/** @param {Message} message */
export function idOf(message) {
  return message.sys.messageId || null;
}

/** `module/output`, or the device that sent it. @param {Message} message */
export function senderOf(message) {
  return [message.module ?? message.device, message.output].filter(Boolean).join("/");
}

/**
 * What its sender calls it. Not unique: a counter begins anew with its module, and many messages have no id.
 * @param {Message} message
 */
export function nameOf(message) {
  return `${message.module ?? message.device}/${message.output ?? ""}/${idOf(message) ?? ""}`;
}

/**
 * Unique on this page. A live message and the same one read from upstream are told to be one by `isArrivalOf`.
 * @param {Message} message
 */
export function keyOf(message) {
  return message.arrivedId === undefined ? `n${message.number}` : `a${message.arrivedId}`;
}

/**
 * Whether a message read from upstream is a live one of before. One without an id is known by all that it says.
 * @param {Message} arrived
 * @param {Message} live
 */
export function isArrivalOf(arrived, live) {
  if (nameOf(arrived) !== nameOf(live) || millis(arrived.at) < millis(live.at) - EARLY_MS) return false;
  return idOf(live) !== null || (said(arrived.app) === said(live.app) && sameBody(arrived, live));
}

/** @param {Record<string, string>} properties */
function said(properties) {
  return JSON.stringify(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One that was left out may be any. @param {Message} one @param {Message} other */
function sameBody(one, other) {
  const [a, b] = [bodyOf(one), bodyOf(other)];
  if (a.kind === "omitted" || b.kind === "omitted") return true;
  if (a.kind === "json" && b.kind === "json") return JSON.stringify(a.value) === JSON.stringify(b.value);
  return (one.body ?? "") === (other.body ?? "") && (one.bodyBase64 ?? "") === (other.bodyBase64 ?? "");
}

/**
 * Whether a delivery or a drop is of this message, as far as can be told.
 * @param {{module: string | null, output: string | null, messageId: string | null}} outcome of the message's trace
 * @param {Message} message
 */
export function isOutcomeOf({ module, output, messageId }, message) {
  return module === message.module && output === message.output && (messageId || null) === idOf(message);
}

/**
 * What joins the messages of one trace, as the hub tells it.
 * @param {string | null | undefined} traceparent
 * @param {string} otherwise
 */
export function traceOf(traceparent, otherwise) {
  return TRACEPARENT.exec(traceparent ?? "")?.[1] ?? otherwise;
}

/**
 * An entry of `GET /api/v1/arrived` (the JSON of `edge_runtime events --json`) as a message.
 * @param {unknown} document
 * @returns {Message}
 */
export function arrivedMessage(document) {
  const given = record(document);
  const sys = properties(given.systemProperties);
  for (const [cloud, hub] of HUB_NAMES) {
    if (cloud in sys) {
      sys[hub] = /** @type {string} */ (sys[cloud]);
      delete sys[cloud];
    }
  }
  const app = properties(given.properties);
  const id = finite(given.id) ?? 0;
  const body = given.body;
  const plain = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const base64 = text(given.bodyBase64) ?? undefined;
  return {
    number: finite(given.sequence) ?? 0,
    at: text(given.enqueuedTime) ?? "",
    device: text(given.deviceId) ?? "",
    module: text(given.moduleId),
    output: text(given.output),
    routes: [],
    endpoints: [],
    size: plain === undefined ? Math.floor(((base64 ?? "").length * 3) / 4) : plain.length,
    sys,
    app,
    trace: traceOf(app.traceparent, sys.messageId || `arrived ${id}`),
    ...(plain === undefined ? {} : { body: plain }),
    ...(base64 === undefined ? {} : { bodyBase64: base64 }),
    arrivedId: id,
  };
}

/**
 * The body, read once.
 * @param {Message} message
 * @returns {Body}
 */
export function bodyOf(message) {
  const known = bodies.get(message);
  if (known !== undefined) return known;
  const body = readBody(message);
  bodies.set(message, body);
  return body;
}

/**
 * @param {Message} message
 * @returns {Body}
 */
function readBody(message) {
  if (message.body) {
    const type = contentType(message);
    if (type === "" || type === "application/json" || type.endsWith("+json")) {
      try {
        return { kind: "json", value: JSON.parse(message.body), text: message.body };
      } catch {
        // Its sender calls it JSON and it is not: it is shown as it is.
      }
    }
    return { kind: "text", text: message.body };
  }
  if (message.bodyBase64) return { kind: "binary", base64: message.bodyBase64 };
  return message.bodyOmitted ? { kind: "omitted", reason: message.bodyOmitted } : { kind: "empty" };
}

/**
 * The body's own fields when it is a JSON object, else none.
 * @param {Message} message
 */
export function jsonBody(message) {
  const body = bodyOf(message);
  return record(body.kind === "json" ? body.value : undefined);
}

/**
 * In small letters, without parameters; "" when the message names none.
 * @param {Message} message
 */
export function contentType(message) {
  return (message.sys.contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/**
 * The kind of picture that the body is by its content type, null when it is none that the page shows (SVG is not:
 * it is a program).
 * @param {Message} message
 */
export function pictureType(message) {
  return PICTURES.find((type) => type === contentType(message)) ?? null;
}

/**
 * The bytes of a base64 text, null when it is none.
 * @param {string} base64
 */
export function bytesOf(base64) {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

/**
 * Milliseconds since 1970 of an RFC 3339 time, with what it has below a millisecond as a fraction; NaN for anything else.
 * @param {unknown} time
 */
export function millis(time) {
  const parts = typeof time === "string" ? TIME.exec(time) : null;
  if (parts === null) return NaN;
  return Date.parse(`${parts[1]}T${parts[2]}${parts[4]}`) + Number(parts[3] ?? 0) * 1000;
}

/**
 * An object's own fields, so that an inherited name reads as nothing; none for anything but an object.
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
export function record(value) {
  /** @type {Record<string, unknown>} */
  const fields = Object.create(null);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return fields;
  for (const [name, one] of Object.entries(value)) fields[name] = one;
  return fields;
}

/** @param {unknown} value @returns {string | null} */
export function text(value) {
  return typeof value === "string" ? value : null;
}

/**
 * The first characters of a text that may be very long; what is kept of it does not keep the whole.
 * @param {string} given
 * @param {number} most UTF-16 units, and an ellipsis beside them
 */
export function cut(given, most) {
  // A slice would hold the text that it is of: a join is a text of its own.
  return given.length <= most ? given : `${[...given.slice(0, most)].join("")}…`;
}

/** @param {unknown} value @returns {number | null} a finite number */
export function finite(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** @param {unknown} value @returns {Record<string, string>} */
function properties(value) {
  /** @type {Record<string, string>} */
  const found = Object.create(null);
  for (const [name, one] of Object.entries(record(value))) {
    if (typeof one === "string" || one === null) found[name] = one ?? "";
  }
  return found;
}
