// @ts-check
/**
 * Messages as the panels see them, whether they came live or were read from what has arrived upstream.
 *
 * Pure: no DOM. Everything in a message is foreign: names, sizes and types are checked where they are read.
 */

/**
 * @typedef {object} Message
 * @property {string} key which message this is; the same for one that came twice
 * @property {string | null} id its messageId
 * @property {string} trace what joins messages: the W3C trace id, else the messageId, else the key
 * @property {string} schema `app.schema`, or "" when it has none
 * @property {number} at milliseconds since 1970: stored by the hub, or arrived upstream; NaN when unknown
 * @property {string} device
 * @property {string | null} module
 * @property {string | null} output
 * @property {string[]} routes names of the routes that it took; empty when unknown
 * @property {string[]} endpoints
 * @property {number} size bytes
 * @property {Record<string, string | null>} sys the hub's names of system properties: messageId, contentType...
 * @property {Record<string, string | null>} app
 * @property {string | null} body text
 * @property {string | null} bodyBase64
 * @property {string | null} bodyOmitted why there is neither
 * @property {number | null} arrivedId its number upstream, when it was read from there
 */

/** @typedef {{kind: "json", value: unknown, text: string} | {kind: "text", text: string} |
 *   {kind: "binary", base64: string} | {kind: "omitted", reason: string} | {kind: "empty"}} Body */

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;
const CLOUD_NAMES = new Map([
  ["message-id", "messageId"],
  ["correlation-id", "cid"],
  ["user-id", "userId"],
  ["content-type", "contentType"],
  ["content-encoding", "contentEncoding"],
  ["iothub-message-schema", "messageSchema"],
  ["iothub-creation-time-utc", "creationTime"],
  ["dt-dataschema", "modelId"],
]);
/** @type {WeakMap<Message, Body>} */
const bodies = new WeakMap();

/**
 * A document of the stream's `message` event. Unknown shapes become empty fields, never an error.
 * @param {unknown} document
 * @returns {Message}
 */
export function liveMessage(document) {
  const given = record(document);
  const number = typeof given.number === "number" ? String(given.number) : null;
  return message(given, {
    at: millis(given.at),
    device: text(given.device) ?? "",
    module: text(given.module),
    sys: properties(given.sys),
    app: properties(given.app),
    trace: text(given.trace),
    fallback: `live:${number ?? text(given.at) ?? ""}`,
    body: text(given.body),
    arrivedId: null,
  });
}

/**
 * An entry of `GET /api/v1/arrived` (the JSON of `edge_runtime events --json`), its system properties under the hub's names.
 * @param {unknown} document
 * @returns {Message}
 */
export function arrivedMessage(document) {
  const given = record(document);
  /** @type {Record<string, string | null>} */
  const sys = Object.create(null);
  for (const [name, value] of Object.entries(properties(given.systemProperties))) {
    sys[CLOUD_NAMES.get(name) ?? name] = value;
  }
  const body = given.body;
  return message(given, {
    at: millis(given.enqueuedTime),
    device: text(given.deviceId) ?? "",
    module: text(given.moduleId),
    sys,
    app: properties(given.properties),
    trace: null,
    fallback: `arrived:${String(given.id)}`,
    body: body === undefined || typeof body === "string" ? text(body) : JSON.stringify(body),
    arrivedId: typeof given.id === "number" ? given.id : null,
  });
}

/**
 * @param {Record<string, unknown>} given
 * @param {{at: number, device: string, module: string | null, sys: Record<string, string | null>,
 *   app: Record<string, string | null>, trace: string | null, fallback: string, body: string | null,
 *   arrivedId: number | null}} read
 * @returns {Message}
 */
function message(given, read) {
  const { fallback, trace, ...known } = read;
  const id = read.sys.messageId || null;
  const key = id === null ? fallback : `${read.module ?? read.device}/${text(given.output) ?? ""}/${id}`;
  const bodyBase64 = text(given.bodyBase64);
  const parent = TRACEPARENT.exec(read.app.traceparent ?? "");
  return {
    ...known,
    key,
    id,
    trace: trace ?? parent?.[1] ?? id ?? key,
    schema: read.app.schema ?? "",
    output: text(given.output),
    routes: texts(given.routes),
    endpoints: texts(given.endpoints),
    size: typeof given.size === "number" ? given.size : (read.body?.length ?? bodyBase64?.length ?? 0),
    bodyBase64,
    bodyOmitted: text(given.bodyOmitted),
  };
}

/**
 * The body, parsed once; JSON by its content type alone, as routes see it.
 * @param {Message} of
 * @returns {Body}
 */
export function bodyOf(of) {
  let body = bodies.get(of);
  if (body === undefined) {
    body = readBody(of);
    bodies.set(of, body);
  }
  return body;
}

/**
 * @param {Message} of
 * @returns {Body}
 */
function readBody(of) {
  if (of.body !== null && of.body !== "") {
    const type = contentType(of);
    const json = type === "application/json" || type.endsWith("+json") || type === "";
    if (json) {
      try {
        return { kind: "json", value: JSON.parse(of.body), text: of.body };
      } catch {
        return { kind: "text", text: of.body };
      }
    }
    return { kind: "text", text: of.body };
  }
  if (of.bodyBase64) return { kind: "binary", base64: of.bodyBase64 };
  return of.bodyOmitted ? { kind: "omitted", reason: of.bodyOmitted } : { kind: "empty" };
}

/**
 * The body as a JSON object, or an object without anything in it.
 * @param {Message} of
 * @returns {Record<string, unknown>}
 */
export function jsonBody(of) {
  const body = bodyOf(of);
  return body.kind === "json" ? record(body.value) : {};
}

/**
 * In small letters, without parameters; "" when the message names none.
 * @param {Message} of
 */
export function contentType(of) {
  return (of.sys.contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/**
 * Milliseconds since 1970 of an RFC 3339 time, microseconds kept as a fraction; NaN for anything else.
 * @param {unknown} time
 */
export function millis(time) {
  if (typeof time !== "string" || time.length > 40) return NaN;
  const parts = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (parts === null) return NaN;
  const whole = Date.parse(`${parts[1]?.replace(" ", "T")}${parts[3]}`);
  return whole + Number(parts[2] ?? 0) * 1000;
}

/**
 * An object's own fields, so that a hostile `__proto__` or an inherited name reads as nothing.
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
export function record(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.assign(Object.create(null), value);
}

/** @param {unknown} value @returns {string | null} */
export function text(value) {
  return typeof value === "string" ? value : null;
}

/** @param {unknown} value @returns {number | null} a finite number */
export function finite(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** @param {unknown} value @returns {string[]} */
function texts(value) {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** @param {unknown} value @returns {Record<string, string | null>} */
function properties(value) {
  /** @type {Record<string, string | null>} */
  const found = Object.create(null);
  for (const [name, one] of Object.entries(record(value))) {
    if (typeof one === "string" || one === null) found[name] = one;
  }
  return found;
}
