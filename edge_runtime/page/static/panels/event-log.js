// @ts-check
/** What goes upstream, live and from before, each message once, with filters over it. Pure. */

import { visible } from "../format.js";
import { charactersOf } from "../state.js";
import { Bounded } from "./bounded.js";
import { share } from "./figures.js";
import { cut, finite, isArrivalOf, isOutcomeOf, jsonBody, millis, nameOf, record, schemaOf, text } from "./message.js";
import { SCHEMA as PREDICTION, modelName, predictionOf, readPrediction } from "./prediction.js";

/** @typedef {import("./message.js").Message} Message */

/**
 * @typedef {object} Entry
 * @property {string} key unique in its log, and the same for a live message as for what was read of it from upstream where
 *   its name is used once
 * @property {Message} message
 * @property {number | null} arrivedId its number upstream; null as long as it is not known there
 * @property {boolean} met whether a live one was told to be what had been read from upstream
 * @property {string} outcome `sent`, `dropped: why`; "" when nothing is known of it
 * @property {number} at milliseconds since 1970: when the hub stored it, or when it arrived, where only that is known
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
/** Of a label and a kind; of a line that tells why. */
const [NAME, WHY] = [64, 1024];

export class EventLog {
  /** @type {Bounded<Entry>} in the order of time */
  #entries = new Bounded(ENTRIES, CHARACTERS, (entry) => charactersOf(entry.message) + entry.searched.length);
  /** @type {Set<string>} */
  #keys = new Set();
  #added = 0;
  /** Whether some had to go: what is older than those kept would go at once. */
  full = false;

  /**
   * A message that was stored for upstream just now.
   * @param {Message} message
   * @returns {Entry | null} null when it is known
   */
  add(message) {
    const { items } = this.#entries;
    const known = items.find((entry) => entry.message.arrivedId !== undefined && !entry.met && isArrivalOf(entry.message, message));
    if (known) {
      known.met = true;
      return null;
    }
    const [entry] = this.#keep([entryOf(message)]);
    return entry ?? null;
  }

  /**
   * Messages from before. Those that are known are left out.
   * @param {readonly Message[]} messages
   * @returns {Entry[]} those that were not, and have room
   */
  addHistory(messages) {
    const known = new Set(this.#entries.items.map((entry) => entry.arrivedId));
    const entries = [];
    for (const message of [...messages].sort((a, b) => (a.arrivedId ?? 0) - (b.arrivedId ?? 0))) {
      const id = message.arrivedId ?? null;
      if (known.has(id)) continue;
      known.add(id);
      const live = this.#entries.items.find((entry) => entry.arrivedId === null && isArrivalOf(message, entry.message));
      if (live) [live.arrivedId, live.outcome] = [id, SENT];
      else entries.push(entryOf(message));
    }
    return this.#keep(entries);
  }

  /**
   * What became of a message at the upstream. Of several that cannot be told apart it is the first.
   * @param {import("../wire").Delivered | import("../wire").Dropped} document of any message and endpoint
   * @returns {boolean} whether it was one of these
   */
  settle(document) {
    if (document.endpoint !== "iothub") return false;
    const entry = this.#entries.items.find(({ message, outcome }) => {
      return outcome === "" && message.trace === document.trace && isOutcomeOf(document, message);
    });
    if (!entry) return false;
    entry.outcome = "reason" in document ? `dropped: ${cut(document.reason, NAME)}` : SENT;
    return true;
  }

  get size() {
    return this.#keys.size;
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

  /**
   * @param {Entry[]} entries new ones
   * @returns {Entry[]} those of them that have room
   */
  #keep(entries) {
    for (const entry of entries) {
      this.#added += 1;
      if (this.#keys.has(entry.key)) entry.key += ` ${this.#added}`;
      this.#keys.add(entry.key);
    }
    for (const entry of [...this.#entries.clear(), ...entries].sort((a, b) => a.at - b.at)) {
      for (const gone of this.#entries.push(entry)) {
        this.full = true;
        this.#keys.delete(gone.key);
      }
    }
    return entries.filter(({ key }) => this.#keys.has(key));
  }
}

const SENT = "sent";

/**
 * What became of an entry, for people.
 * @param {Entry} entry
 * @param {number} queued messages that wait for the upstream, or are under way
 */
export function fateOf({ outcome }, queued) {
  return outcome || (queued > 0 ? "waiting" : "");
}

/**
 * @param {Message} message
 * @returns {Entry}
 */
export function entryOf(message) {
  const body = jsonBody(message);
  const schema = schemaOf(message);
  const source = message.module ?? message.device;
  const kind = told((schema === SCHEMA ? text(body.type) : null) ?? (schema || message.output || "message"), NAME);
  const label = told(labelOf(message, schema, body), NAME);
  const why = told(whyOf(message, schema, body), WHY);
  const searched = [kind, label, source, message.output, why, ...Object.values(message.app), message.body ?? ""];
  const at = millis(message.at);
  return {
    key: nameOf(message),
    message,
    arrivedId: message.arrivedId ?? null,
    met: false,
    outcome: message.arrivedId === undefined ? "" : SENT,
    at: Number.isNaN(at) ? 0 : at,
    kind,
    label,
    source,
    why,
    searched: cut(searched.join("\n"), SEARCHED).toLowerCase(),
  };
}

/** @param {string} words of somebody else's @param {number} most */
function told(words, most) {
  return visible(cut(words, most));
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
