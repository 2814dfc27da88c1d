// @ts-check
/**
 * Server-sent events out of a stream of bytes (WHATWG HTML, 9.2.6 "Interpreting an event stream"). EventSource cannot send an
 * Authorization header. `id` and `retry` are not used by our server and are passed over, as unknown fields are.
 */

/** Longer than any event of ours: 256 KiB of body as base64, and what surrounds it. */
const LONGEST_EVENT = 4 * 1024 * 1024;

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<{ type: string, data: string }>}
 */
export async function* events(stream) {
  const reader = stream.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.feed(/** @type {string} */ (/** @type {unknown} */ (value)));
    }
  } finally {
    await reader.cancel().catch(() => {}); // a broken stream says so once, from read()
  }
}

export class EventParser {
  /** Pieces of the line that is not at its end: joined once, since a picture's line comes in many pieces. @type {string[]} */
  #pieces = [];
  /** Characters of the line and of the event that are not at their end. */
  #length = 0;
  #type = "";
  /** @type {string[]} */
  #data = [];
  #afterCarriageReturn = false;

  /**
   * @param {string} text
   * @returns {{ type: string, data: string }[]} the events that this text completes
   */
  feed(text) {
    const complete = [];
    let start = 0;
    if (this.#afterCarriageReturn && text.startsWith("\n")) start = 1;
    if (text) this.#afterCarriageReturn = text.endsWith("\r");
    for (const end of text.matchAll(/\r\n|\n|\r/g)) {
      if (end.index < start) continue;
      this.#piece(text.slice(start, end.index));
      start = end.index + end[0].length;
      const event = this.#line(this.#pieces.join(""));
      this.#pieces = [];
      if (event) complete.push(event);
    }
    if (start < text.length) this.#piece(text.slice(start));
    return complete;
  }

  /** @param {string} text */
  #piece(text) {
    this.#pieces.push(text);
    this.#length += text.length;
    if (this.#length > LONGEST_EVENT) throw new RangeError(`an event of the stream is longer than ${LONGEST_EVENT} characters`);
  }

  /** @param {string} line */
  #line(line) {
    if (line === "") {
      const event = { type: this.#type || "message", data: this.#data.join("\n") };
      const empty = this.#data.length === 0;
      this.#type = "";
      this.#data = [];
      this.#length = 0;
      return empty ? null : event;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#type = value;
    else if (field === "data") this.#data.push(value);
    return null;
  }
}
