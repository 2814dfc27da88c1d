// @ts-check
/** What went upstream, live and from before, each message once, with filters over it. Pure. */

import { Bounded } from "./bounded.js";
import { share } from "./figures.js";
import { finite, jsonBody, keyOf, millis, record, schemaOf, text } from "./message.js";
import { SCHEMA as PREDICTION, modelName, predictionOf, readPrediction } from "./prediction.js";

/** @typedef {import("./message.js").Message} Message */

/**
 * @typedef {object} Entry
 * @property {string} key
 * @property {Message} message
 * @property {number} at milliseconds since 1970
 * @property {string} kind `start`, `update`, `end` of event/1, else the schema, else the output's name
 * @property {string} label "" when it is about none
 * @property {string} source the module, or the device
 * @property {string} why one line: what it says, and what led to it
 * @property {string} searched what the text filter looks at, in small letters
 */

/** @typedef {{label: string, kind: string, source: string, text: string}} Filter "" lets all through */

export const SCHEMA = "event/1";
export const ENTRIES = 500;
const CHARACTERS = 8 * 1024 * 1024;
const SEARCHED = 2000;

export class EventLog {
  /** @type {Bounded<Entry>} in the order of time */
  #entries = new Bounded(ENTRIES, CHARACTERS, (entry) => (entry.message.body ?? entry.message.bodyBase64 ?? "").length);
  /** @type {Set<string>} */
  #known = new Set();

  /**
   * A message that was stored for upstream just now.
   * @param {Message} message
   * @returns {Entry | null} null when it is known
   */
  add(message) {
    if (this.#known.has(keyOf(message))) return null;
    const entry = entryOf(message);
    this.#keep([...this.#entries.items, entry]);
    return entry;
  }

  /**
   * Messages from before. Those that are known are left out.
   * @param {readonly Message[]} messages
   * @returns {Entry[]} those that were not
   */
  addHistory(messages) {
    const entries = messages.filter((message) => !this.#known.has(keyOf(message))).map(entryOf);
    const once = [...new Map(entries.map((entry) => [entry.key, entry])).values()];
    this.#keep([...this.#entries.items, ...once]);
    return once;
  }

  get size() {
    return this.#known.size;
  }

  /**
   * The newest first.
   * @param {Filter} [filter]
   * @returns {Entry[]}
   */
  entries(filter) {
    const entries = [...this.#entries.items].reverse();
    return filter === undefined ? entries : entries.filter((entry) => matches(entry, filter));
  }

  /**
   * What can be chosen in the filters.
   * @returns {{labels: string[], kinds: string[], sources: string[]}}
   */
  choices() {
    const { items } = this.#entries;
    return {
      labels: names(items.map((entry) => entry.label)),
      kinds: names(items.map((entry) => entry.kind)),
      sources: names(items.map((entry) => entry.source)),
    };
  }

  /** @param {Entry[]} entries */
  #keep(entries) {
    this.#entries.clear();
    this.#known.clear();
    entries.sort((a, b) => a.at - b.at);
    for (const entry of entries) {
      for (const gone of this.#entries.push(entry)) this.#known.delete(gone.key);
      this.#known.add(entry.key);
    }
  }
}

/**
 * @param {Message} message
 * @returns {Entry}
 */
export function entryOf(message) {
  const body = jsonBody(message);
  const schema = schemaOf(message);
  const source = message.module ?? message.device;
  const kind = (schema === SCHEMA ? text(body.type) : null) ?? (schema || message.output || "message");
  const label = labelOf(message, schema, body);
  const why = whyOf(message, schema, body);
  const searched = [kind, label, source, message.output, why, ...Object.values(message.app), message.body ?? ""];
  const at = millis(message.at);
  return {
    key: keyOf(message),
    message,
    at: Number.isNaN(at) ? 0 : at,
    kind,
    label,
    source,
    why,
    searched: searched.join("\n").slice(0, SEARCHED).toLowerCase(),
  };
}

/**
 * @param {Entry} entry
 * @param {Filter} filter words of `text` must all be there
 */
export function matches(entry, filter) {
  return (
    (filter.label === "" || entry.label === filter.label) &&
    (filter.kind === "" || entry.kind === filter.kind) &&
    (filter.source === "" || entry.source === filter.source) &&
    filter.text.toLowerCase().split(/\s+/).every((word) => entry.searched.includes(word))
  );
}

/**
 * @param {Message} message
 * @param {string} schema
 * @param {Record<string, unknown>} body
 */
function labelOf(message, schema, body) {
  if (schema === PREDICTION) return predictionOf(message).top[0]?.label ?? "";
  return text(body.label) ?? message.app.label ?? "";
}

/**
 * @param {Message} message
 * @param {string} schema
 * @param {Record<string, unknown>} body
 */
function whyOf(message, schema, body) {
  if (schema === SCHEMA) return whyEvent(body);
  if (schema === PREDICTION) return whyPrediction(predictionOf(message));
  if (schema === "summary/1") return whySummary(body);
  return "";
}

const STEPS = new Map([
  ["start", "appeared"],
  ["update", "is still there"],
  ["end", "is gone"],
]);
const END_REASONS = new Map([
  ["gone", "other results came"],
  ["stale", "no results came any more"],
  ["settings", "the settings now exclude it"],
  ["stopped", "the module stopped"],
]);

/** @param {Record<string, unknown>} body */
function whyEvent(body) {
  const parts = [STEPS.get(text(body.type) ?? "") ?? ""];
  const reason = text(body.endReason);
  if (reason !== null) parts[0] += `: ${END_REASONS.get(reason) ?? reason}`;
  const [frames, duration] = [finite(body.frames), finite(body.durationMs)];
  if (frames !== null) parts.push(`${frames} ${frames === 1 ? "frame" : "frames"}`);
  if (duration) parts.push(`${(duration / 1000).toFixed(1)} s`);
  const [mean, peak] = [finite(body.meanProbability), finite(body.peakProbability)];
  if (mean !== null && peak !== null) parts.push(`mean ${share(mean)}, peak ${share(peak)}`);
  const prediction = readPrediction(record(body.prediction));
  if (prediction.frameId) parts.push(`decided by ${prediction.frameId} (${modelName(prediction.model)})`);
  return parts.filter(Boolean).join(", ");
}

/** @param {import("./prediction.js").Prediction} prediction */
function whyPrediction(prediction) {
  if (prediction.error) return `error ${prediction.error.code}: ${prediction.error.message}`;
  const [best] = prediction.top;
  if (best === undefined) return "";
  const sure = `${best.label} ${share(best.probability)}`;
  return prediction.outcome === "abstained" ? `abstained (${prediction.reason ?? "unknown"}): ${sure}` : sure;
}

/** @param {Record<string, unknown>} body */
function whySummary(body) {
  const accuracy = record(body.accuracy);
  const parts = [`${finite(body.predictions) ?? 0} predictions`];
  const [n, top1] = [finite(accuracy.n), finite(accuracy.top1)];
  if (n !== null && top1 !== null) parts.push(`accuracy ${share(top1)} of ${n}`);
  return parts.join(", ");
}

/** @param {string[]} values */
function names(values) {
  return [...new Set(values)].filter(Boolean).sort();
}
