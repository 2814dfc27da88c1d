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

/**
 * @typedef {object} Missed the stream did not tell everything: what can be read elsewhere is to be read again
 * @property {"gap" | "connection" | "hub"} why left out for this reader; the connection was lost; another run of the hub
 */

/** @typedef {StreamEvents & { connection: Connection, missed: Missed }} Events `connection` and `missed` are the page's own */

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
  /** Of bodies (base64 has four for three bytes) and properties, all traces together. */
  characters: 24 * 1024 * 1024,
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
  #characters = 0;
  /** Messages taken: their numbers. The server's begin anew with each connection. */
  #taken = 0;
  /** The run of the hub that is told of. */
  #instance = "";
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
    /** @type {Missed["why"] | null} */
    let missed = null;
    if (type === "hello") missed = this.#begin(any);
    else if (type === "snapshot") missed = this.#snapshot(any);
    else if (type === "connection") this.connection = any;
    else if (type === "message") this.#message(any);
    else if (type === "delivered") this.#outcome("delivered", any);
    else if (type === "dropped") this.#outcome("dropped", any);
    else if (type === "gap") missed = this.#gap(any);
    this.#tell(type, document);
    if (missed !== null) this.#tell("missed", { why: missed });
  }

  /** @param {string} type @param {unknown} document */
  #tell(type, document) {
    for (const listener of this.#listeners.get(type) ?? []) {
      try {
        listener(document);
      } catch (error) {
        // One panel's fault is neither the others' nor the stream's.
        console.error(`A listener to ${type} failed:`, error);
      }
    }
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

  /** @param {import("./wire").Hello} hello @returns {Missed["why"] | null} */
  #begin(hello) {
    const again = this.hello !== null;
    this.hello = hello;
    this.#isOtherRun(hello.instance);
    return again ? "connection" : null;
  }

  /** @param {import("./wire").Snapshot} snapshot @returns {Missed["why"] | null} */
  #snapshot(snapshot) {
    this.snapshot = snapshot;
    return this.#isOtherRun(snapshot.instance) ? "hub" : null;
  }

  /** @param {import("./wire").Gap} gap @returns {Missed["why"]} */
  #gap(gap) {
    this.missed += gap.missed;
    return "gap";
  }

  /** @param {string} instance */
  #isOtherRun(instance) {
    if (!instance || instance === this.#instance) return false;
    const other = this.#instance !== "";
    this.#instance = instance;
    if (other) {
      // A trace may be called by its number in the hub's store, which may have been begun anew.
      this.#traces.clear();
      this.#characters = 0;
    }
    return other;
  }

  /** @param {Message} message */
  #message(message) {
    this.#taken += 1;
    message.number = this.#taken;
    message.sys = ownOnly(message.sys);
    message.app = ownOnly(message.app);
    const trace = this.#traces.get(message.trace) ?? { trace: message.trace, messages: [], delivered: [], dropped: [] };
    if (trace.messages.length >= LIMITS.messagesOfATrace) return;
    trace.messages.push(message);
    this.#traces.set(message.trace, trace);
    this.#characters += charactersOf(message);
    while (this.#traces.size > LIMITS.traces || (this.#characters > LIMITS.characters && this.#traces.size > 1)) {
      this.#forgetTheOldest();
    }
  }

  #forgetTheOldest() {
    const [oldest] = this.#traces.values();
    if (!oldest) return;
    this.#traces.delete(oldest.trace);
    for (const message of oldest.messages) this.#characters -= charactersOf(message);
  }

  /**
   * @param {"delivered" | "dropped"} kind
   * @param {{ trace?: string | null }} document
   */
  #outcome(kind, document) {
    const outcomes = /** @type {unknown[] | undefined} */ (this.#traces.get(document.trace ?? "")?.[kind]);
    if (outcomes && outcomes.length < LIMITS.outcomesOfATrace) outcomes.push(document);
  }
}

/**
 * The properties themselves, so that an inherited name reads as nothing.
 *
 * @param {Record<string, string>} properties
 * @returns {Record<string, string>}
 */
function ownOnly(properties) {
  return Object.assign(Object.create(null), properties);
}

/**
 * What a message takes of a bound: its body and its properties.
 *
 * @param {Message} message
 * @returns {number} characters
 */
export function charactersOf(message) {
  let characters = (message.body ?? message.bodyBase64 ?? "").length;
  for (const properties of [message.app, message.sys]) {
    for (const name of Object.keys(properties)) characters += name.length + (properties[name] ?? "").length;
  }
  return characters;
}
