// @ts-check
/** A list that never grows beyond a number of items and of bytes. Pure. */

/**
 * The newest items, oldest first; one that is added pushes out as many of the oldest as it must.
 * @template T
 */
export class Bounded {
  /** @type {T[]} */
  #items = [];
  #bytes = 0;
  #count;
  #limit;
  #bytesOf;

  /**
   * @param {number} count items at most
   * @param {number} bytes bytes at most; a single item that is larger is kept alone
   * @param {(item: T) => number} bytesOf
   */
  constructor(count, bytes, bytesOf) {
    this.#count = count;
    this.#limit = bytes;
    this.#bytesOf = bytesOf;
  }

  /** @returns {readonly T[]} */
  get items() {
    return this.#items;
  }

  get bytes() {
    return this.#bytes;
  }

  /**
   * @param {T} item
   * @returns {T[]} what had to go
   */
  push(item) {
    this.#items.push(item);
    this.#bytes += this.#bytesOf(item);
    let gone = 0;
    while (
      this.#items.length - gone > this.#count ||
      (this.#bytes > this.#limit && this.#items.length - gone > 1)
    ) {
      this.#bytes -= this.#bytesOf(/** @type {T} */ (this.#items[gone]));
      gone += 1;
    }
    return this.#items.splice(0, gone);
  }

  /** @returns {T[]} what was there */
  clear() {
    this.#bytes = 0;
    return this.#items.splice(0);
  }
}
