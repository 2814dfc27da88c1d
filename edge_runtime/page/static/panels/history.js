// @ts-check
/** What had gone upstream before, read in portions. */

import { arrivedMessage, schemaOf } from "./message.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../api.js").Api} Api */

const PORTION = 100;

/** From the newest to the oldest. A failure leaves it where it was. */
export class History {
  #api;
  /** @type {number | undefined} where it goes on from: none is known of those below */
  #before;
  /** The newest that was read. */
  #newest = -Infinity;
  /** Whether there is more, as far as is known. */
  more = true;

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * Those that came since it was last asked; the newest ones the first time. Of more than `most` the newest: then `older`
   * goes on from there, over the hole.
   * @param {number} [most]
   * @returns {Promise<Message[]>} the newest first
   */
  async newer(most = 5 * PORTION) {
    const { found, more, whole } = await portions(this.#api, {}, this.#newest === -Infinity ? PORTION : most, this.#newest);
    if (!whole || this.#before === undefined) this.#reached(found, more);
    this.#newest = Math.max(this.#newest, found[0]?.id ?? -Infinity);
    return found.map(arrivedMessage);
  }

  /** @returns {Promise<Message[]>} */
  async older() {
    const before = this.#before === undefined ? {} : { before: this.#before };
    const { events, more } = await this.#api.arrived({ limit: PORTION, ...before });
    this.#reached(events, more);
    return events.map(arrivedMessage);
  }

  /**
   * @param {import("../wire").ArrivedEvent[]} events
   * @param {boolean} more
   */
  #reached(events, more) {
    this.#before = events.at(-1)?.id ?? this.#before;
    this.more = more && events.length > 0;
  }
}

/**
 * Portions from the newest on, down to one that is known, or until there are enough.
 * @param {Api} api
 * @param {{module?: string, output?: string}} which
 * @param {number} most
 * @param {number} reached the newest one that is known
 * @returns {Promise<{found: import("../wire").ArrivedEvent[], more: boolean, whole: boolean}>} `whole`: a known one, or the
 *   end, was reached
 */
async function portions(api, which, most, reached) {
  /** @type {import("../wire").ArrivedEvent[]} */
  const found = [];
  for (;;) {
    const last = found.at(-1);
    const { events, more } = await api.arrived({ limit: PORTION, ...which, ...(last && { before: last.id }) });
    const known = events.findIndex(({ id }) => id <= reached);
    found.push(...(known < 0 ? events : events.slice(0, known)));
    const whole = known >= 0 || !more || events.length === 0;
    if (whole || found.length >= most) return { found, more, whole };
  }
}

/**
 * What arrived of one schema from those outputs whose routes lead upstream: one that sends seldom is found behind another
 * that sends much.
 * @param {Api} api
 * @param {readonly import("../wire").RouteState[]} routes
 * @param {string} schema
 * @param {number} most of each output
 * @param {number} reached only what came after the one of this number
 * @returns {Promise<Message[]>}
 */
export async function arrivedOf(api, routes, schema, most, reached) {
  const sources = new Map(
    routes.flatMap(({ from, to }) => (to === "iothub" && from?.output ? [[`${from.module}/${from.output}`, from]] : [])),
  );
  const found = await Promise.all(
    [...sources.values()].map(({ module, output }) => {
      return portions(api, { module, output: output ?? "" }, most, reached);
    }),
  );
  return found.flatMap((one) => one.found.map(arrivedMessage)).filter((message) => schemaOf(message) === schema);
}
