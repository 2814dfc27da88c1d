// @ts-check
/** The frames that the page keeps, each with what became of it. Pure: the pictures are the panel's. */

import { charactersOf } from "../state.js";
import { Bounded } from "./bounded.js";
import { idOf, millis, schemaOf } from "./message.js";
import { SCHEMA as PREDICTION, answerKey, judged, labelOf, predictionOf } from "./prediction.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("./prediction.js").Prediction} Prediction */
/** @typedef {import("../wire").Delivered} Delivered */
/** @typedef {"all" | "wrong" | "abstained" | "errors"} Which */

/**
 * @typedef {object} Frame
 * @property {string} key a trace may have several frames
 * @property {string} trace
 * @property {Message} frame
 * @property {Message | null} prediction of this frame: the first one of the newest model, which others may send on
 * @property {Prediction | null} said what it says, judged by what the frame shows
 * @property {Set<string>} answers which ones it had
 * @property {Delivered[]} delivered of the trace
 */

export const SCHEMA = "frame/1";
export const FRAMES = 120;
/** Of them may be older than the newest others because something is remarkable about them. */
export const REMARKABLE = 48;
/** Characters of bodies and properties, of all frames together. */
const CHARACTERS = 16 * 1024 * 1024;
/** Predictions that came before their frame: the hub stores a frame first, but a page may begin in between. */
const EARLY = 64;
const EARLY_CHARACTERS = 1024 * 1024;
/** Of one trace: a frame, what follows of it, to their endpoints. */
const DELIVERED = 16;
/** Of one frame, by different models. */
const ANSWERS = 16;

export class FrameBoard {
  /** @type {Map<string, Frame>} by key, the oldest first */
  #frames = new Map();
  /** @type {Bounded<Message>} predictions without a frame */
  #early = new Bounded(EARLY, EARLY_CHARACTERS, (message) => charactersOf(message));
  #characters = 0;
  #remarkable = 0;

  get size() {
    return this.#frames.size;
  }

  /**
   * @param {string} key
   * @returns {Frame | undefined}
   */
  get(key) {
    return this.#frames.get(key);
  }

  /**
   * @param {string} trace
   * @returns {Frame[]} the oldest first
   */
  ofTrace(trace) {
    return [...this.#frames.values()].filter((frame) => frame.trace === trace);
  }

  /**
   * Take a message of any schema.
   * @param {Message} message
   * @returns {{changed: boolean, gone: Frame[]}} `gone` frames are to be forgotten, their pictures given back
   */
  take(message) {
    if (schemaOf(message) === SCHEMA) return this.#frame(message);
    if (schemaOf(message) === PREDICTION) return this.#prediction(message);
    return { changed: false, gone: [] };
  }

  /**
   * Take a delivery of any trace.
   * @param {Delivered} delivered
   */
  deliver(delivered) {
    for (const frame of this.ofTrace(delivered.trace)) {
      if (frame.delivered.length < DELIVERED) frame.delivered.push(delivered);
    }
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
    const key = keyOf(message);
    if (this.#frames.has(key)) return { changed: false, gone: [] };
    /** @type {Frame} */
    const frame = { key, trace: message.trace, frame: message, prediction: null, said: null, answers: new Set(), delivered: [] };
    this.#frames.set(key, frame);
    this.#characters += charactersOfFrame(frame);
    this.#judgeEarly(frame);
    return { changed: true, gone: this.#forgetTooMany() };
  }

  /**
   * By what came before the frame: what names it, else what belongs to its trace and to no other frame.
   * @param {Frame} frame
   */
  #judgeEarly(frame) {
    for (const early of this.#early.clear()) {
      if (isAbout(early, frame)) this.#judge(frame, early);
      else this.#early.push(early);
    }
    if (frame.prediction !== null) return;
    const others = this.ofTrace(frame.trace);
    const free = this.#early.items.find((early) => {
      return early.trace === frame.trace && !others.some((other) => other.answers.has(answerKey(early)));
    });
    if (free) this.#judge(frame, free);
  }

  /** @param {Message} message */
  #prediction(message) {
    const ofTrace = this.ofTrace(message.trace);
    // Without a traceparent a frame's trace is its own id, and the prediction is a trace of its own.
    const named =
      ofTrace.find((frame) => isAbout(message, frame)) ??
      [...this.#frames.values()].findLast((frame) => isAbout(message, frame));
    // One that names none is about the first frame of its trace that waits, until the one that it names comes.
    if (named === undefined) this.#early.push(message);
    const frame = named ?? ofTrace.find((one) => one.prediction === null) ?? ofTrace[0];
    const changed = frame !== undefined && this.#judge(frame, message);
    return { changed, gone: this.#forgetTooMany() };
  }

  /**
   * @param {Frame} frame
   * @param {Message} prediction
   * @returns {boolean} whether it says what was not known
   */
  #judge(frame, prediction) {
    const answer = answerKey(prediction);
    if (frame.answers.has(answer) || frame.answers.size >= ANSWERS) return false;
    this.#remarkable -= Number(isRemarkable(frame));
    this.#characters -= charactersOfFrame(frame);
    frame.answers.add(answer);
    frame.prediction = prediction;
    frame.said = judged(predictionOf(prediction), labelOf(frame.frame));
    this.#characters += charactersOfFrame(frame);
    this.#remarkable += Number(isRemarkable(frame));
    return true;
  }

  #forgetTooMany() {
    const gone = [];
    while (this.#frames.size > FRAMES || (this.#characters > CHARACTERS && this.#frames.size > 1)) {
      gone.push(this.#forget());
    }
    return gone;
  }

  /** The oldest ordinary frame goes first, as long as the remarkable ones have room. */
  #forget() {
    const frames = [...this.#frames.values()];
    const ordinary = this.#remarkable <= REMARKABLE ? frames.find((frame) => !isRemarkable(frame)) : undefined;
    const gone = /** @type {Frame} */ (ordinary === frames.at(-1) ? frames[0] : (ordinary ?? frames[0]));
    this.#frames.delete(gone.key);
    this.#characters -= charactersOfFrame(gone);
    this.#remarkable -= Number(isRemarkable(gone));
    return gone;
  }
}

/** A frame that is sent on by another module is the same. @param {Message} frame */
function keyOf(frame) {
  return JSON.stringify([frame.trace, idOf(frame) ?? frame.number]);
}

/** Whether a prediction names this frame. @param {Message} prediction @param {Frame} frame */
function isAbout(prediction, { frame }) {
  const { frameId } = predictionOf(prediction);
  return frameId !== null && frameId === idOf(frame);
}

/** @param {Frame} frame */
function charactersOfFrame({ frame, prediction }) {
  return charactersOf(frame) + (prediction === null ? 0 : charactersOf(prediction));
}

/** @param {Frame} frame */
function isRemarkable(frame) {
  return belongs(frame, "wrong") || belongs(frame, "abstained") || belongs(frame, "errors");
}

/**
 * @param {Frame} frame
 * @param {Which} which
 */
function belongs({ said }, which) {
  if (which === "all") return true;
  return said !== null && (which === "errors" ? said.outcome === "error" : said.outcome === which);
}

/**
 * The truth that travelled: with the frame, or with its prediction.
 * @param {Frame} frame
 */
export function truthOf(frame) {
  return labelOf(frame.frame) ?? frame.said?.truth ?? null;
}

/**
 * Milliseconds from capture until the hub had stored the prediction; null while there is none, without a time of capture,
 * and where the capture's clock is ahead.
 * @param {Frame} frame
 */
export function latencyMs(frame) {
  if (frame.prediction === null) return null;
  const captured = millis(frame.frame.app.capturedAt ?? frame.said?.capturedAt);
  const latency = millis(frame.prediction.at) - captured;
  return latency >= 0 ? latency : null;
}

/**
 * When a frame was made, milliseconds since 1970: as it says itself, else when the hub had it.
 * @param {Frame} frame
 */
export function madeAt({ frame }) {
  const captured = millis(frame.app.capturedAt);
  return Number.isNaN(captured) ? millis(frame.at) : captured;
}

/** What a frame is called. @param {Frame} frame */
export function frameName(frame) {
  return idOf(frame.frame) ?? frame.trace;
}
