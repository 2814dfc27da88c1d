// @ts-check
/** The page's copy of a module's twin: answers, what was set here, and what is told meanwhile, in whichever order they come. Pure. */

import { isMasked, patched, same } from "./twin.js";

/** @typedef {import("../wire").Twin} Twin */

/** Reported patches kept while an answer is awaited. */
const MOST_PATCHES = 100;

export class TwinCopy {
  /** @type {Twin | null} */
  twin = null;
  /** The version with which a property became what is desired now, or an earlier one; of those that were seen to change. @type {Map<string, number>} */
  since = new Map();
  #read;
  /** @type {Promise<void> | null} */
  #loading = null;
  #again = false;
  /** Came while an answer was awaited, which may have them or not. @type {Record<string, unknown>[]} */
  #meanwhile = [];
  /** The newest version set while an answer was awaited. */
  #newest = 0;

  /** @param {() => Promise<Twin>} read never throws but by its promise */
  constructor(read) {
    this.#read = read;
  }

  /**
   * Read the twin; when that is under way, once more after it: what it is to show may have come too late for the answer.
   *
   * @returns {Promise<void>} rejected as the last reading was
   */
  load() {
    this.#again = true;
    this.#loading ??= this.#readAll();
    return this.#loading;
  }

  async #readAll() {
    try {
      while (this.#again) {
        this.#again = false;
        this.#meanwhile = [];
        this.#newest = 0;
        await this.#readOnce();
      }
    } finally {
      this.#loading = null;
    }
  }

  async #readOnce() {
    try {
      this.#take(await this.#read());
    } catch (error) {
      if (!this.#again) throw error;
    }
  }

  /** @param {Record<string, unknown>} patch of the reported section */
  reported(patch) {
    if (this.#loading && this.#meanwhile.length < MOST_PATCHES) this.#meanwhile.push(patch);
    else if (this.#loading) this.#again = true;
    if (this.twin) this.twin = { ...this.twin, reported: patched(this.twin.reported, patch) };
  }

  /** The hub took a patch of the desired section. @param {Record<string, unknown>} patch @param {number} version that it made */
  desired(patch, version) {
    for (const name of Object.keys(patch)) this.since.set(name, Math.max(version, this.since.get(name) ?? 0));
    this.#newest = Math.max(this.#newest, version);
    if (!this.twin) return;
    this.twin = { ...this.twin, version: Math.max(version, this.twin.version), desired: patched(this.twin.desired, patch) };
  }

  /** @param {Twin} answer */
  #take(answer) {
    const reported = this.#meanwhile.reduce((section, patch) => patched(section, patch), answer.reported);
    if (this.twin && answer.version < this.#newest) {
      this.twin = { ...this.twin, reported };
      this.#again = true;
      return;
    }
    if (this.twin && answer.version > this.twin.version) this.#compare(this.twin, answer);
    this.twin = { ...answer, reported };
  }

  /** What somebody else has set. @param {Twin} before @param {Twin} after */
  #compare(before, after) {
    for (const name of new Set([...Object.keys(before.desired), ...Object.keys(after.desired)])) {
      const [old, now] = [before.desired, after.desired].map((section) => (Object.hasOwn(section, name) ? section[name] : undefined));
      if (same(old, now) || isMasked(now)) continue;
      this.since.set(name, Math.max(before.version + 1, this.since.get(name) ?? 0));
    }
  }
}
