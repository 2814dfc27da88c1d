// @ts-check
/** What had gone upstream before, read in portions. */

import { arrivedMessage, schemaOf } from "./message.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {import("../api.js").Api} Api */

const PORTION = 100;

/** From the newest to the oldest. A failure leaves it where it was. */
export class History {
  #api;
  /** @type {number | undefined} */
  #before;
  /** Whether there is more, as far as is known. */
  more = true;

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /** The newest ones; where `older` goes on from is only set by the first call. @returns {Promise<Message[]>} */
  async newest() {
    const { events, more } = await this.#api.arrived({ limit: PORTION });
    if (this.#before === undefined) this.#reached(events, more);
    return events.map(arrivedMessage);
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
 * What arrived of one schema from those outputs whose routes lead upstream: one that sends seldom is found behind another
 * that sends much.
 * @param {Api} api
 * @param {readonly import("../wire").RouteState[]} routes
 * @param {string} schema
 * @returns {Promise<Message[]>}
 */
export async function arrivedOf(api, routes, schema) {
  const sources = new Map(
    routes.flatMap(({ from, to }) => (to === "iothub" && from?.output ? [[`${from.module}/${from.output}`, from]] : [])),
  );
  const found = await Promise.all(
    [...sources.values()].map(({ module, output }) => api.arrived({ limit: PORTION, module, output: output ?? "" })),
  );
  return found.flatMap(({ events }) => events.map(arrivedMessage)).filter((message) => schemaOf(message) === schema);
}
