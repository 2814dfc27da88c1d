// @ts-check
/** What `POST /api/v1/explain` answers, as people read it, and the messages that it is asked about. Pure. */

import { isTooDeep } from "./json-text.js";
import { arrivedMessage, record, text } from "./message.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../wire").RouteVerdict} RouteVerdict */
/** @typedef {import("../wire").ExplainRequest} ExplainRequest */

/** A message that cannot be asked about; says what is wrong and the mend. */
export class PastedMessageError extends Error {}

/**
 * The text of a route around the part that decided.
 * @param {RouteVerdict} verdict
 * @returns {{before: string, marked: string, after: string}} nothing marked when no part decided, or it is not there
 */
export function marked({ text: route, deciding }) {
  const nothing = { before: route, marked: "", after: "" };
  if (deciding === null || deciding.text === "") return nothing;
  const start = offsetOf(route, deciding.line, deciding.column);
  const end = start + deciding.text.length;
  if (start < 0 || route.slice(start, end) !== deciding.text) return nothing;
  return { before: route.slice(0, start), marked: deciding.text, after: route.slice(end) };
}

/**
 * @param {string} route
 * @param {number} line from 1
 * @param {number} column from 1, in characters (not UTF-16 units, in which JavaScript counts)
 * @returns {number} -1 when the text has no such place
 */
function offsetOf(route, line, column) {
  const lines = route.split("\n");
  const before = lines.slice(0, line - 1);
  const characters = [...(lines[line - 1] ?? "")];
  if (before.length !== line - 1 || column < 1 || column > characters.length) return -1;
  return before.join("\n").length + Number(line > 1) + characters.slice(0, column - 1).join("").length;
}

/**
 * Why a route whose source the message comes from takes it or does not, in one line; of other routes a note tells.
 * @param {RouteVerdict} verdict
 */
export function reason(verdict) {
  const { deciding } = verdict;
  // A route without a condition is explained as one whose condition is a `true` that its text does not have.
  const unwritten = deciding === null || (deciding.text === "true" && marked(verdict).marked === "");
  if (unwritten) return "it has no WHERE: it takes every message from there";
  const what = verdict.condition === "undefined" ? "is undefined, which takes no message" : `is ${verdict.condition}`;
  return `the condition ${what}: ${deciding.text} is ${shown(deciding.value)}`;
}

/**
 * `line 1, column 43`
 * @param {{line: number, column: number}} part
 */
export function place(part) {
  return `line ${part.line}, column ${part.column}`;
}

/**
 * A value of the route language: the hub sends it as its text, so that undefined and null can be told.
 * @param {unknown} value
 */
export function shown(value) {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
}

/**
 * The parts that the deciding one was made of. What has another shape is left out.
 * @param {RouteVerdict} verdict
 * @returns {{text: string, value: string}[]}
 */
export function operands({ operands: parts }) {
  return parts.flatMap((part) => {
    const { text: written, value } = record(part);
    return typeof written === "string" ? [{ text: written, value: shown(value) }] : [];
  });
}

/**
 * What to ask about a message. A body that is no text decides no condition, and is not sent.
 * @param {Message} message
 * @returns {ExplainRequest}
 */
export function requestOf(message) {
  return {
    module: message.module,
    output: message.output,
    sys: { ...message.sys },
    app: { ...message.app },
    body: message.body ?? null,
  };
}

/**
 * What the explanation of this message cannot know, "" when it knows all.
 * @param {Message} message
 */
export function caveat(message) {
  if (!message.bodyOmitted) return "";
  return `The page got this message without its body (${message.bodyOmitted}): what is said of $body below is of an empty one.`;
}

/**
 * A message as JSON, in any of the three forms that the runtime prints: of `explain` and `evaluate`, of this page, of
 * `edge_runtime events --json`.
 * @param {string} pasted
 * @returns {ExplainRequest}
 */
export function parsePasted(pasted) {
  if (pasted.trim() === "") throw new PastedMessageError("Nothing to explain: paste a message as JSON, or pick a recent one.");
  const given = parse(pasted);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new PastedMessageError('A message is one JSON object: write {"module": "…", "output": "…", "app": {…}}.');
  }
  const fields = record(given);
  if ("systemProperties" in fields || "moduleId" in fields) return requestOf(arrivedMessage(given));
  return {
    module: nameIn(fields, "module"),
    output: nameIn(fields, "output"),
    sys: propertiesIn(fields, "sys"),
    app: propertiesIn(fields, "app"),
    body: fields.body ?? null,
  };
}

/**
 * A request as JSON that can be edited and given to `parsePasted` again.
 * @param {ExplainRequest} request
 */
export function written(request) {
  const readable = typeof request.body === "string" ? (whole(request.body) ?? request.body) : request.body;
  return JSON.stringify({ ...request, body: readable }, null, 2);
}

/**
 * The value of a JSON text, when writing it again loses nothing that a route can see.
 * @param {string} body
 */
function whole(body) {
  try {
    const value = JSON.parse(body);
    return typeof value === "object" && value !== null && !isTooDeep(body) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} pasted @returns {unknown} */
function parse(pasted) {
  try {
    return JSON.parse(pasted);
  } catch (error) {
    const several = pasted.trim().split("\n").filter((line) => line.startsWith("{")).length > 1;
    const mend = several ? " Give one message at a time." : "";
    throw new PastedMessageError(`This is no JSON: ${error instanceof Error ? error.message : String(error)}.${mend}`);
  }
}

/** @param {Record<string, unknown>} fields @param {string} name */
function nameIn(fields, name) {
  const value = fields[name] ?? null;
  if (value !== null && typeof value !== "string") {
    throw new PastedMessageError(`"${name}" is ${JSON.stringify(value)}: write a name as text.`);
  }
  return text(value);
}

/** @param {Record<string, unknown>} fields @param {string} name @returns {Record<string, string>} */
function propertiesIn(fields, name) {
  const value = fields[name] ?? {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new PastedMessageError(`"${name}" is ${JSON.stringify(value)}: write an object of names and texts.`);
  }
  const wrong = Object.entries(record(value)).find(([, one]) => one !== null && typeof one !== "string");
  if (wrong) {
    const [property, one] = wrong;
    throw new PastedMessageError(`"${name}.${property}" is ${JSON.stringify(one)}: properties are text, write it in quotes.`);
  }
  return /** @type {Record<string, string>} */ ({ ...value });
}
