// @ts-check
/** JSON values as people type them: what a field shows of one, what was typed means, what of it is sent. Pure. */

import { isMasked, isObject, same } from "./twin.js";

/** @typedef {"automatic" | "text" | "number" | "yes or no" | "JSON"} ValueType automatic: JSON where it is some, else text */

/** @typedef {{ type: ValueType, text: string, placeholder: string, hidden: boolean }} Shown hidden: a secret, which is not shown */

export const TYPES = /** @type {const} */ (["automatic", "text", "number", "yes or no", "JSON"]);

/** @param {unknown} value @returns {ValueType} */
function typeOf(value) {
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "yes or no";
  // What a secret is nobody knows here: a number may be hidden by its name.
  if (typeof value === "string") return isMasked(value) ? "automatic" : "text";
  return isObject(value) || Array.isArray(value) ? "JSON" : "automatic";
}

/**
 * @param {unknown} value undefined: not set
 * @param {unknown} [inForce] what the module works with meanwhile: told by the placeholder, and gives the type
 * @returns {Shown}
 */
export function shownAs(value, inForce) {
  if (typeof value === "string" && isMasked(value)) {
    return { type: "automatic", text: "", placeholder: "hidden: type to replace", hidden: true };
  }
  if (value !== undefined) {
    const type = typeOf(value);
    const text = typeof value === "string" ? value : JSON.stringify(value, null, type === "JSON" ? 1 : 0);
    return { type, text, placeholder: "", hidden: false };
  }
  const none = inForce === undefined || inForce === null;
  const told = typeof inForce === "string" ? inForce : JSON.stringify(inForce);
  return { type: typeOf(inForce), text: "", placeholder: none ? "" : isMasked(inForce) ? "hidden" : told.slice(0, 200), hidden: false };
}

/**
 * @param {string} name of the property
 * @param {ValueType} type
 * @param {string} text as it stands in the field
 * @param {Shown} shown what the field showed before somebody typed
 * @returns {unknown}
 * @throws {Error} for people: why there is nothing to send
 */
export function readAs(name, type, text, shown) {
  if (type === shown.type && text === shown.text) throw new Error(`${name}: nothing was changed; type a value first`);
  if (text.trim() === "" && shown.hidden) throw new Error(`${name}: type the new value; the hidden one stays until then`);
  if (type === "text") return text;
  if (text.trim() === "") throw new Error(`${name}: ${type === "yes or no" ? "choose true or false" : "type a value first"}`);
  if (type === "yes or no") return text === "true";
  if (type === "number") {
    if (!Number.isFinite(Number(text))) throw new Error(`${name}: a number is needed`);
    return Number(text);
  }
  return notNull(name, parsed(name, type, text));
}

/** @param {string} name @param {ValueType} type @param {string} text @returns {unknown} */
function parsed(name, type, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (type === "automatic") return text;
    throw new Error(`${name} is no JSON: ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {string} name @param {unknown} value */
function notNull(name, value) {
  // A patch deletes by null, and nobody who types a value means that.
  if (value === null) throw new Error(`${name}: null is no value of a property; Remove deletes one`);
  return value;
}

/**
 * What to patch a property with, so that it becomes what was typed: patches are merged into objects, so a key that was
 * taken out has to be deleted. What was set meanwhile by somebody else stays.
 *
 * @param {unknown} shown what the field showed
 * @param {unknown} current what is desired now; undefined: nothing
 * @param {unknown} typed
 * @returns {unknown}
 */
export function changeOf(shown, current, typed) {
  return isObject(shown) && isObject(current) && isObject(typed) ? difference(shown, typed) : typed;
}

/** @param {Record<string, unknown>} before @param {Record<string, unknown>} after @returns {Record<string, unknown>} */
function difference(before, after) {
  /** @type {Map<string, unknown>} */
  const patch = new Map();
  for (const [name, value] of Object.entries(after)) {
    const had = Object.hasOwn(before, name) ? before[name] : undefined;
    if (!same(had, value)) patch.set(name, isObject(had) && isObject(value) ? difference(had, value) : value);
  }
  for (const [name, value] of Object.entries(before)) {
    // A secret is left out of what is typed, as the page asks for; null deletes it.
    if (!Object.hasOwn(after, name) && !isMasked(value)) patch.set(name, null);
  }
  return Object.fromEntries(patch);
}
