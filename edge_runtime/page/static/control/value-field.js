// @ts-check
/** A field for one JSON value: its type is chosen, so that text needs no quotes and a number is one. */

import { h } from "../dom.js";
import { isMasked } from "./twin.js";

/** @typedef {"automatic" | "text" | "number" | "yes or no" | "JSON"} ValueType automatic: JSON where it is some, else text */

const TYPES = /** @type {const} */ (["automatic", "text", "number", "yes or no", "JSON"]);

export class ValueField {
  /** Whether it was edited since `write`. */
  edited = false;

  /** @param {string} name of the property, for those who cannot see where the field stands */
  constructor(name) {
    this.name = name;
    this.types = h("select", { "aria-label": `Type of ${name}`, onchange: () => this.#retype() });
    for (const type of TYPES) this.types.append(h("option", { value: type }, type));
    this.element = h("span", { class: "value-field" }, this.types, this.#field("automatic", ""));
    this.element.addEventListener("input", () => (this.edited = true));
  }

  /** @returns {ValueType} */
  get type() {
    return /** @type {ValueType} */ (this.types.value);
  }

  /** @returns {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} */
  get input() {
    return /** @type {HTMLInputElement} */ (this.element.lastElementChild);
  }

  /** Show a value. @param {unknown} value undefined: none @param {unknown} [like] a value whose type it has when it is none */
  write(value, like) {
    const masked = isMasked(value) && typeof value === "string";
    this.types.value = typeOf(value ?? like);
    const text = value === undefined || masked ? "" : typeof value === "string" ? value : JSON.stringify(value, null, this.type === "JSON" ? 1 : 0);
    this.input.replaceWith(this.#field(this.type, text));
    if (masked) this.input.setAttribute("placeholder", "hidden: type to replace");
    this.edited = false;
  }

  /** @returns {unknown} @throws {Error} for people: what is wrong with what was typed */
  read() {
    const text = this.input.value;
    if (this.type === "text") return text;
    if (this.type === "yes or no") return text === "true";
    if (this.type === "number") {
      if (text.trim() === "" || !Number.isFinite(Number(text))) throw new Error(`${this.name}: a number is needed`);
      return Number(text);
    }
    try {
      return JSON.parse(text);
    } catch (error) {
      if (this.type === "automatic") return text;
      throw new Error(`${this.name} is no JSON: ${/** @type {Error} */ (error).message}`);
    }
  }

  #retype() {
    const text = this.input.value;
    this.input.replaceWith(this.#field(this.type, text));
    this.edited = true;
  }

  /** @param {ValueType} type @param {string} text */
  #field(type, text) {
    const label = { "aria-label": `Value of ${this.name}`, autocomplete: "off", spellcheck: "false" };
    if (type === "JSON") {
      const area = h("textarea", { ...label, rows: Math.min(8, text.split("\n").length) });
      area.value = text;
      return area;
    }
    if (type === "yes or no") {
      const choice = h("select", label, h("option", { value: "true" }, "true"), h("option", { value: "false" }, "false"));
      choice.value = text === "true" ? "true" : "false";
      return choice;
    }
    const input = h("input", { ...label, type: "text", inputmode: type === "number" ? "decimal" : "text" });
    input.value = text;
    return input;
  }
}

/** @param {unknown} value @returns {ValueType} */
function typeOf(value) {
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "yes or no";
  if (typeof value === "string") return "text";
  return typeof value === "object" && value !== null ? "JSON" : "automatic";
}
