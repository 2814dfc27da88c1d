// @ts-check
/** The frames that the page keeps, each with what became of it. Pure: the pictures are the panel's. */

import { idOf, millis, schemaOf } from "./message.js";
import { SCHEMA as PREDICTION, predictionOf } from "./prediction.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../wire").Delivered & {trace?: string}} Delivered */
/** @typedef {"all" | "wrong" | "abstained" | "errors"} Which */

/**
 * @typedef {object} Frame
 * @property {string} trace
 * @property {Message} frame
 * @property {Message | null} prediction the newest one of this frame
 * @property {Delivered[]} delivered of the trace
 */

export const SCHEMA = "frame/1";
export const FRAMES = 120;
/** Of them may be older than the newest others because something is remarkable about them. */
export const REMARKABLE = 48;
/** Characters of base64, of all frames together. */
const BODIES = 16 * 1024 * 1024;
/** Predictions that came before their frame: the hub stores a frame first, but a page may begin in between. */
const EARLY = 64;
/** Of one trace: a frame, what follows of it, to their endpoints. */
const DELIVERED = 16;

export class FrameBoard {
  /** @type {Map<string, Frame>} by trace, the oldest first */
  #frames = new Map();
  /** @type {Map<string, Message>} predictions without a frame, by trace */
  #early = new Map();
  #characters = 0;
  #remarkable = 0;

  get size() {
    return this.#frames.size;
  }

  /**
   * @param {string} trace
   * @returns {Frame | undefined}
   */
  get(trace) {
    return this.#frames.get(trace);
  }

  /**
   * Take a message of any schema.
   * @param {Message} message
   * @returns {{changed: boolean, gone: Frame[]}} `gone` frames are to be forgotten, their pictures given back
   */
  take(message) {
    if (schemaOf(message) === SCHEMA) return this.#frame(message);
    if (schemaOf(message) === PREDICTION) return { changed: this.#prediction(message), gone: [] };
    return { changed: false, gone: [] };
  }

  /**
   * Take a delivery of any trace.
   * @param {Delivered} delivered
   */
  deliver(delivered) {
    const frame = this.#frames.get(delivered.trace ?? "");
    if (frame && frame.delivered.length < DELIVERED) frame.delivered.push(delivered);
  }

  /** @returns {Frame[]} those that had been kept */
  clear() {
    const gone = [...this.#frames.values()];
    this.#frames.clear();
    this.#early.clear();
    this.#characters = 0;
    this.#remarkable = 0;
    return gone;
  }

  /**
   * The newest first.
   * @param {Which} [which]
   * @returns {Frame[]}
   */
  frames(which = "all") {
    return [...this.#frames.values()].reverse().filter((frame) => belongs(frame, which));
  }

  /** @returns {Record<Which, number>} how many frames a choice would show */
  counts() {
    const counts = { all: 0, wrong: 0, abstained: 0, errors: 0 };
    for (const frame of this.#frames.values()) {
      for (const which of /** @type {Which[]} */ (Object.keys(counts))) {
        counts[which] += Number(belongs(frame, which));
      }
    }
    return counts;
  }

  /** @param {Message} message */
  #frame(message) {
    if (this.#frames.has(message.trace)) return { changed: false, gone: [] };
    const early = this.#early.get(message.trace) ?? null;
    this.#early.delete(message.trace);
    /** @type {Frame} */
    const frame = { trace: message.trace, frame: message, prediction: null, delivered: [] };
    this.#frames.set(message.trace, frame);
    this.#characters += charactersOf(frame);
    if (early !== null) this.#judge(frame, early);
    const gone = [];
    while (this.#frames.size > FRAMES || (this.#characters > BODIES && this.#frames.size > 1)) {
      gone.push(this.#forget());
    }
    return { changed: true, gone };
  }

  /** @param {Message} message */
  #prediction(message) {
    // Without a traceparent a frame's trace is its own id, and the prediction is a trace of its own.
    const frame = this.#frames.get(message.trace) ?? this.#frames.get(predictionOf(message).frameId ?? "");
    if (frame !== undefined) {
      this.#judge(frame, message);
      return true;
    }
    this.#early.delete(message.trace);
    this.#early.set(message.trace, message);
    const [oldest] = this.#early.keys();
    if (this.#early.size > EARLY && oldest !== undefined) this.#early.delete(oldest);
    return false;
  }

  /** @param {Frame} frame @param {Message} prediction */
  #judge(frame, prediction) {
    this.#remarkable -= Number(isRemarkable(frame));
    frame.prediction = prediction;
    this.#remarkable += Number(isRemarkable(frame));
  }

  /** The oldest ordinary frame goes first, as long as the remarkable ones have room. */
  #forget() {
    const frames = [...this.#frames.values()];
    const ordinary = this.#remarkable <= REMARKABLE ? frames.find((frame) => !isRemarkable(frame)) : undefined;
    const gone = /** @type {Frame} */ (ordinary === frames.at(-1) ? frames[0] : (ordinary ?? frames[0]));
    this.#frames.delete(gone.trace);
    this.#characters -= charactersOf(gone);
    this.#remarkable -= Number(isRemarkable(gone));
    return gone;
  }
}

/** @param {Frame} frame */
function charactersOf(frame) {
  return frame.frame.bodyBase64?.length ?? 0;
}

/** @param {Frame} frame */
function isRemarkable(frame) {
  return belongs(frame, "wrong") || belongs(frame, "abstained") || belongs(frame, "errors");
}

/**
 * @param {Frame} frame
 * @param {Which} which
 */
function belongs(frame, which) {
  if (which === "all") return true;
  if (frame.prediction === null) return false;
  const { outcome } = predictionOf(frame.prediction);
  return which === "errors" ? outcome === "error" : outcome === which;
}

/**
 * The truth that travelled: with the frame, or with its prediction.
 * @param {Frame} frame
 */
export function truthOf(frame) {
  return frame.frame.app.label || (frame.prediction === null ? null : predictionOf(frame.prediction).truth);
}

/**
 * Milliseconds from capture until the hub had stored the prediction; null while there is none, or no time of capture.
 * @param {Frame} frame
 */
export function latencyMs(frame) {
  if (frame.prediction === null) return null;
  const captured = millis(frame.frame.app.capturedAt ?? predictionOf(frame.prediction).capturedAt);
  const latency = millis(frame.prediction.at) - captured;
  return Number.isFinite(latency) ? latency : null;
}

/** What a frame is called. @param {Frame} frame */
export function frameName(frame) {
  return idOf(frame.frame) ?? frame.trace;
}
