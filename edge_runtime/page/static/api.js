// @ts-check
/** The page's API: one method for each call, the stream with reconnection, and the token that all of them carry. */

import { events } from "./sse.js";
import { store, stored } from "./storage.js";

/** @typedef {import("./state.js").State} State */

const TOKEN = "edge-runtime-page-token";
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** A snapshot comes every second: silence for as long as this is a lost connection. */
const SILENCE_MS = 15_000;

/** An answer that is not 2xx, or none at all (`status` 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message for people: the server's own words where it has some
   */
  constructor(status, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/**
 * The token, from the address (`#token=...`, which is taken out of it at once) or from this tab's memory.
 *
 * @returns {string} empty when there is none
 */
export function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("token");
  if (given) {
    store("sessionStorage", TOKEN, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given ?? stored("sessionStorage", TOKEN) ?? "";
}

export class Api {
  #token;

  /** @param {string} token */
  constructor(token) {
    this.#token = token;
  }

  snapshot() {
    return /** @type {Promise<import("./wire").Snapshot>} */ (this.#call("GET", "/snapshot"));
  }

  /**
   * What went upstream, the newest first.
   *
   * @param {{ limit?: number, before?: number, module?: string, output?: string }} [filter]
   * @returns {Promise<{ events: import("./wire").ArrivedEvent[], more: boolean }>}
   */
  arrived(filter = {}) {
    return this.#call("GET", `/arrived${query(filter)}`);
  }

  /** @param {string} module @returns {Promise<import("./wire").Twin>} */
  twin(module) {
    return this.#call("GET", `${pathOf(module)}/twin`);
  }

  /**
   * @param {string} module
   * @param {Record<string, unknown>} patch null deletes a property
   * @returns {Promise<{ version: number }>}
   */
  patchDesired(module, patch) {
    return this.#call("PATCH", `${pathOf(module)}/twin/desired`, patch);
  }

  /**
   * @param {string} module
   * @param {string} methodName
   * @param {unknown} payload
   * @param {number} [responseTimeoutInSeconds]
   * @returns {Promise<{ status: number, payload: unknown }>}
   */
  call(module, methodName, payload, responseTimeoutInSeconds) {
    return this.#call("POST", `${pathOf(module)}/methods`, { methodName, payload, responseTimeoutInSeconds });
  }

  /** @param {string} module @returns {Promise<Record<string, never>>} */
  restart(module) {
    return this.#call("POST", `${pathOf(module)}/restart`, {});
  }

  /**
   * @param {string} module
   * @param {{ tail?: number, since?: string, until?: string, loglevel?: number, regex?: string }} filter
   * @returns {Promise<{ lines: string[] }>}
   */
  logs(module, filter) {
    return this.#call("GET", `${pathOf(module)}/logs${query(filter)}`);
  }

  /** @param {boolean} connected @returns {Promise<{ connected: boolean }>} */
  switchUpstream(connected) {
    return this.#call("PUT", "/upstream", { connected });
  }

  /**
   * @param {import("./wire").ExplainRequest} message
   * @returns {Promise<{ routes: import("./wire").RouteVerdict[] }>}
   */
  explain(message) {
    return this.#call("POST", "/explain", message);
  }

  /**
   * Read the stream into the state, for as long as the signal lets it, again and again when it breaks.
   *
   * @param {State} state
   * @param {AbortSignal} signal
   */
  async follow(state, signal) {
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      if (state.connection.status !== "waiting") state.take("connection", { status: "connecting", detail: "" });
      let detail = "the runtime has closed the connection";
      try {
        await this.#read(state, signal, () => (pause = FIRST_PAUSE_MS));
      } catch (error) {
        if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
          state.take("connection", { status: "refused", detail: error.message });
          return;
        }
        detail = reasonOf(error);
      }
      if (signal.aborted) return;
      state.take("connection", { status: "waiting", detail });
      await sleep(pause * (0.75 + Math.random() / 2), signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /**
   * @param {State} state
   * @param {AbortSignal} signal
   * @param {() => void} opened
   */
  async #read(state, signal, opened) {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    signal.addEventListener("abort", end);
    let watchdog = setTimeout(end, SILENCE_MS);
    try {
      const response = await this.#fetch("GET", "/stream", undefined, attempt.signal);
      if (!response.body) throw new ApiError(0, "the stream has no body");
      for await (const { type, data } of events(response.body)) {
        clearTimeout(watchdog);
        watchdog = setTimeout(end, SILENCE_MS);
        if (type === "hello") {
          opened();
          state.take("connection", { status: "open", detail: "" });
        }
        state.take(/** @type {any} */ (type), JSON.parse(data));
      }
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", end);
      attempt.abort();
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async #call(method, path, body) {
    const response = await this.#fetch(method, path, body);
    return response.json();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {AbortSignal} [signal]
   */
  async #fetch(method, path, body, signal) {
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    /** @type {Response} */
    let response;
    try {
      response = await fetch(`/api/v1${path}`, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ?? null,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      });
    } catch {
      throw new ApiError(0, "the runtime does not answer");
    }
    if (!response.ok) throw new ApiError(response.status, await messageOf(response));
    return response;
  }
}

/** @param {Response} response */
async function messageOf(response) {
  try {
    const { message } = await response.json();
    if (typeof message === "string") return message;
  } catch {
    // No JSON: the status has to do.
  }
  return `the runtime answered ${response.status}`;
}

/** Why the stream was lost: a runtime that is away is another thing than a stream that makes no sense. @param {unknown} error */
function reasonOf(error) {
  if (error instanceof ApiError) return error.message;
  const senseless = error instanceof SyntaxError || error instanceof RangeError;
  return senseless ? `the stream cannot be read: ${error.message}` : "the runtime does not answer";
}

/** @param {string} module */
function pathOf(module) {
  return `/modules/${encodeURIComponent(module)}`;
}

/** @param {Record<string, string | number | undefined>} values those that are undefined or empty are left out */
function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function sleep(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve(undefined);
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
