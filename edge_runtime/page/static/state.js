// @ts-check
/** What came over the stream, as much of it as a page needs: it has a bound for everything, whatever runs and however long. */

/**
 * @typedef {import("./wire").Message} Message
 * @typedef {import("./wire").StreamEvents} StreamEvents
 */

/** @typedef {"connecting" | "open" | "waiting" | "refused"} ConnectionStatus */

/**
 * @typedef {object} Connection
 * @property {ConnectionStatus} status waiting: lost, tried again soon; refused: the token is wrong, not tried again
 * @property {string} detail why, for people; empty when open
 */

/** @typedef {StreamEvents & { connection: Connection }} Events */

/**
 * All that is known of one trace: a frame, the predictions made of it, the events that they led to.
 *
 * @typedef {object} Trace
 * @property {string} trace
 * @property {Message[]} messages in the order in which the hub stored them
 * @property {import("./wire").Delivered[]} delivered
 * @property {import("./wire").Dropped[]} dropped
 */

export const LIMITS = Object.freeze({
  traces: 256,
  messagesOfATrace: 32,
  outcomesOfATrace: 64,
  /** Characters of bodies, all traces together: base64 has four for three bytes. */
  bodies: 24 * 1024 * 1024,
});

export class State {
  /** @type {import("./wire").Hello | null} */
  hello = null;
  /** @type {import("./wire").Snapshot | null} */
  snapshot = null;
  /** @type {Connection} */
  connection = { status: "connecting", detail: "" };
  /** How many documents this page missed because it was too slow. */
  missed = 0;

  /** @type {Map<string, Trace>} the oldest first */
  #traces = new Map();
  /** @type {Map<string, string>} messageId to trace */
  #traceOf = new Map();
  #bodies = 0;
  /** @type {Map<string, Set<(document: any) => void>>} */
  #listeners = new Map();

  /**
   * @template {keyof Events} T
   * @param {T} type
   * @param {(document: Events[T]) => void} listener called at once for each document: be quick, and draw later
   * @returns {() => void} ends it
   */
  on(type, listener) {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /**
   * Take a document in, and tell the listeners.
   *
   * @template {keyof Events} T
   * @param {T} type
   * @param {Events[T]} document
   */
  take(type, document) {
    const any = /** @type {any} */ (document);
    if (type === "hello") this.#begin(any);
    else if (type === "snapshot") this.snapshot = any;
    else if (type === "connection") this.connection = any;
    else if (type === "message") this.#message(any);
    else if (type === "delivered") this.#outcome("delivered", any);
    else if (type === "dropped") this.#outcome("dropped", any);
    else if (type === "gap") this.missed += any.missed;
    for (const listener of this.#listeners.get(type) ?? []) listener(document);
  }

  /**
   * @param {string} trace
   * @returns {Trace | undefined}
   */
  trace(trace) {
    return this.#traces.get(trace);
  }

  /** @returns {Trace[]} the newest first */
  traces() {
    return [...this.#traces.values()].reverse();
  }

  /** @returns {Message[]} of all traces kept, the newest first */
  messages() {
    return [...this.#traces.values()].flatMap((one) => one.messages).sort((a, b) => b.number - a.number);
  }

  /** @param {import("./wire").Hello} hello */
  #begin(hello) {
    if (this.hello && this.hello.instance !== hello.instance) {
      // Another run of the hub numbers its messages anew.
      this.#traces.clear();
      this.#traceOf.clear();
      this.#bodies = 0;
    }
    this.hello = hello;
  }

  /** @param {Message} message */
  #message(message) {
    const trace = this.#traces.get(message.trace) ?? { trace: message.trace, messages: [], delivered: [], dropped: [] };
    if (trace.messages.length >= LIMITS.messagesOfATrace) return;
    trace.messages.push(message);
    this.#traces.set(message.trace, trace);
    const id = message.sys.messageId;
    if (id) this.#traceOf.set(id, message.trace);
    this.#bodies += bodyOf(message);
    while (this.#traces.size > LIMITS.traces || (this.#bodies > LIMITS.bodies && this.#traces.size > 1)) {
      this.#forgetTheOldest();
    }
  }

  #forgetTheOldest() {
    const [oldest] = this.#traces.values();
    if (!oldest) return;
    this.#traces.delete(oldest.trace);
    for (const message of oldest.messages) {
      this.#bodies -= bodyOf(message);
      const id = message.sys.messageId;
      if (id && this.#traceOf.get(id) === oldest.trace) this.#traceOf.delete(id);
    }
  }

  /**
   * @param {"delivered" | "dropped"} kind
   * @param {{ messageId: string | null }} document
   */
  #outcome(kind, document) {
    const trace = this.#traces.get(this.#traceOf.get(document.messageId ?? "") ?? "");
    const outcomes = /** @type {unknown[] | undefined} */ (trace?.[kind]);
    if (outcomes && outcomes.length < LIMITS.outcomesOfATrace) outcomes.push(document);
  }
}

/** @param {Message} message @returns {number} characters */
function bodyOf(message) {
  return (message.body ?? message.bodyBase64 ?? "").length;
}
