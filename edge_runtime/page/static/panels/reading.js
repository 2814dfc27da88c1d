// @ts-check
/** What is read beside the stream: when it is wanted, once at a time, again after a failure. Pure. */

const PAUSE_MS = 5000;

export class Reading {
  #read;
  #now;
  #wanted = true;
  #underWay = false;
  #notBefore = -Infinity;
  /** Why the last reading failed, for people; "" when it did not. */
  failure = "";

  /**
   * @param {() => Promise<void>} read
   * @param {() => number} [now] milliseconds
   */
  constructor(read, now = () => performance.now()) {
    this.#read = read;
    this.#now = now;
  }

  /** What was read is not all any more. */
  want() {
    this.#wanted = true;
    this.#notBefore = -Infinity;
  }

  /** Read, when it is wanted and nobody reads. To be called often: it tries again some seconds after a failure. */
  async go() {
    if (!this.#wanted || this.#underWay || this.#now() < this.#notBefore) return;
    this.#underWay = true;
    // Wanted again while it is read: what is read now may already be too old.
    this.#wanted = false;
    try {
      await this.#read();
      this.failure = "";
    } catch (error) {
      this.#wanted = true;
      this.#notBefore = this.#now() + PAUSE_MS;
      this.failure = error instanceof Error ? error.message : String(error);
    } finally {
      this.#underWay = false;
    }
  }
}
