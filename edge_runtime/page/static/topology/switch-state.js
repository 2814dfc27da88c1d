// @ts-check
/** Whether the upstream is switched off, as the last word has it: an answer to who has just switched, else the snapshots. Pure. */

/** Snapshots that may have been made before a change: one that is on its way, and one that is being made. */
const OLD = 2;

export class SwitchState {
  off = false;
  #doubted = 0;

  /** @param {boolean} off what the runtime answered */
  changed(off) {
    this.off = off;
    this.#doubted = OLD;
  }

  /** @param {boolean} off what a snapshot says */
  seen(off) {
    if (off !== this.off && this.#doubted > 0) {
      this.#doubted -= 1;
      return;
    }
    this.off = off;
    this.#doubted = 0;
  }
}
