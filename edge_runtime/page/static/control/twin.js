// @ts-check
/** A twin's two sections read together: what is wanted of each property, and what the module says of it. Pure. */

import { visible } from "../format.js";

/**
 * What a module acknowledges of a writable property (IoT Plug and Play): the value in force, a status as HTTP's, the version
 * of the desired section that it is about, and a description.
 *
 * @typedef {{ value: unknown, ac: number, av: number, ad: string }} Acknowledgement
 */

/** @typedef {"applied" | "refused" | "waiting" | "other" | "none"} Verdict */

/**
 * @typedef {object} Property
 * @property {string} name
 * @property {boolean} set whether the desired section has it
 * @property {unknown} desired
 * @property {Acknowledgement | null} acknowledgement
 * @property {Verdict} verdict
 * @property {string} text the verdict, for people
 */

/** What the server writes in place of a secret. */
const MASK = "***";
/** Heard and under way, not in force (IoT Plug and Play). */
const ACCEPTED = 202;

/**
 * @param {import("../wire").Twin} twin
 * @param {ReadonlyMap<string, number>} [since] with which version properties became what is desired now, where that is known
 * @returns {Property[]} by their names: nothing moves away from who sets or removes one
 */
export function propertiesOf(twin, since = new Map()) {
  const names = new Set([...Object.keys(twin.desired), ...Object.keys(twin.reported).filter((name) => acknowledgementOf(twin.reported[name]))]);
  const properties = [...names].filter((name) => !name.startsWith("$")).map((name) => property(twin, name, since.get(name)));
  return properties.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @param {import("../wire").Twin} twin @param {string} name @param {number} [since] @returns {Property} */
function property(twin, name, since) {
  const set = Object.hasOwn(twin.desired, name);
  const desired = twin.desired[name];
  const acknowledgement = acknowledgementOf(twin.reported[name]);
  const [verdict, text] = judge(set, desired, acknowledgement, twin.version, since);
  return { name, set, desired, acknowledgement, verdict, text };
}

/** @param {unknown} reported @returns {Acknowledgement | null} */
export function acknowledgementOf(reported) {
  if (typeof reported !== "object" || reported === null) return null;
  const { value, ac, av, ad } = /** @type {Record<string, unknown>} */ (reported);
  if (typeof ac !== "number" || typeof av !== "number") return null;
  return { value: value ?? null, ac, av, ad: typeof ad === "string" ? visible(ad) : "" };
}

/**
 * @param {boolean} set
 * @param {unknown} desired
 * @param {Acknowledgement | null} acknowledgement
 * @param {number} version of the whole section
 * @param {number} [since] the version with which this property became what it is
 * @returns {[Verdict, string]}
 */
function judge(set, desired, acknowledgement, version, since) {
  if (!acknowledgement) return ["none", "not acknowledged"];
  const { value, ac, av, ad } = acknowledgement;
  const about = ad ? `: ${ad}` : "";
  const waiting = /** @type {[Verdict, string]} */ (["waiting", `waiting for the module; in force: ${inWords(value)}`]);
  // Its words are of what was desired before.
  if (since !== undefined && av < since) return waiting;
  if (ac >= 400) return ["refused", `refused (${ac}) at version ${av}${about}; in force: ${inWords(value)}`];
  if (ac === ACCEPTED) return ["waiting", `accepted (${ac}) at version ${av}${about}; in force: ${inWords(value)}`];
  if (!set) return ["other", `in force: ${inWords(value)}${ad ? ` (${ad})` : ""}`];
  if (isMasked(desired) || same(desired, value)) return ["applied", `applied (${ac}) at version ${av}${about}`];
  if (since === undefined && av < version) return waiting;
  return ["other", `in force: ${inWords(value)} (${ac} at version ${av}${about})`];
}

/** @param {unknown} value @returns {boolean} whether it is a secret, or has one in it */
export function isMasked(value) {
  return value !== undefined && JSON.stringify(value).includes(MASK);
}

/** @param {unknown} value */
function inWords(value) {
  const text = value === null || value === undefined ? "not set" : visible(JSON.stringify(value));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** @param {unknown} a @param {unknown} b @returns {boolean} the same JSON, whatever the order of the keys */
export function same(a, b) {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [first, second] = /** @type {[Record<string, unknown>, Record<string, unknown>]} */ ([a, b]);
  const names = Object.keys(first);
  return names.length === Object.keys(second).length && names.every((name) => Object.hasOwn(second, name) && same(first[name], second[name]));
}

/**
 * A section with a patch in it, as twins are patched: null deletes, objects are merged, all else is replaced.
 *
 * @param {Record<string, unknown>} section
 * @param {Record<string, unknown>} patch
 * @returns {Record<string, unknown>}
 */
export function patched(section, patch) {
  const result = new Map(Object.entries(section));
  for (const [name, value] of Object.entries(patch)) {
    const old = result.get(name);
    if (value === null) result.delete(name);
    else if (isObject(value)) result.set(name, patched(isObject(old) ? old : {}, value));
    else result.set(name, value);
  }
  return Object.fromEntries(result);
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
