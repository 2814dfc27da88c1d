// @ts-check
/** What the browser remembers for the page. One that refuses to (blocked cookies, a full disk) has a page that forgets. */

/** @typedef {"localStorage" | "sessionStorage"} Kind for good, or for this tab */

/**
 * @param {Kind} kind
 * @param {string} name
 * @returns {string | null}
 */
export function stored(kind, name) {
  try {
    return globalThis[kind].getItem(name);
  } catch {
    return null;
  }
}

/**
 * @param {Kind} kind
 * @param {string} name
 * @param {string} value
 */
export function store(kind, name, value) {
  try {
    globalThis[kind].setItem(name, value);
  } catch {
    // It holds until the page is loaded again.
  }
}
