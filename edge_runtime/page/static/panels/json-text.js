// @ts-check
/** JSON laid out for people, where that is bounded: each level of nesting costs every line of it two blanks. Pure. */

/** Levels. What people write has ten. */
const DEEPEST = 32;

/**
 * Whether laying a JSON text out would make it much longer, or is more than a browser can do.
 * @param {string} text valid JSON
 */
export function isTooDeep(text) {
  let depth = 0;
  // Texts are passed over: a bracket in one opens nothing.
  for (const [part] of text.matchAll(/"(?:[^"\\]+|\\.)*"|[[{]|[\]}]/g)) {
    if (part === "[" || part === "{") depth += 1;
    else if (part === "]" || part === "}") depth -= 1;
    if (depth > DEEPEST) return true;
  }
  return false;
}

/**
 * @param {string} text JSON
 * @param {unknown} value its value
 * @returns {string} the text itself where it is nested too deeply
 */
export function laidOut(text, value) {
  return isTooDeep(text) ? text : JSON.stringify(value, null, 2);
}
