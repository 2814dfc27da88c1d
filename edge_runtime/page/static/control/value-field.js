// @ts-check
/** A field for one JSON value: its type is chosen, so that text needs no quotes and a number is one. */

import { h, replace } from "../dom.js";
import { readAs, shownAs, TYPES } from "./value.js";

/**
 * @typedef {import("./value.js").ValueType} ValueType
 * @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Input
 */

export class ValueField {
  /** What stood in it before somebody typed. */
  #shown = shownAs(undefined);

  /** @param {string} name of the property, for those who cannot see where the field stands */
  constructor(name) {
    this.name = name;
    this.types = h("select", { "aria-label": `Type of ${name}`, onchange: () => this.#put(this.type, this.input.value) });
    for (const type of TYPES) this.types.append(h("option", { value: type }, type));
    this.element = h("span", { class: "value-field" }, this.types, this.#made("input"));
  }

  /** @returns {ValueType} */
  get type() {
    return /** @type {ValueType} */ (this.types.value);
  }

  /** @returns {Input} */
  get input() {
    return /** @type {Input} */ (this.element.lastElementChild);
  }

  /** Whether somebody has typed, or has chosen another type, since `write` or `accept`. */
  get changed() {
    return this.type !== this.#shown.type || this.input.value !== this.#shown.text;
  }

  /** Show a value. @param {unknown} value undefined: none @param {unknown} [inForce] what holds while there is none */
  write(value, inForce) {
    this.#shown = shownAs(value, inForce);
    this.types.value = this.#shown.type;
    this.#put(this.#shown.type, this.#shown.text);
    // As the browser writes it: its ends of lines are its own.
    this.#shown.text = this.input.value;
  }

  /** @returns {unknown} @throws {Error} for people: what is wrong with what was typed */
  read() {
    return readAs(this.name, this.type, this.input.value, this.#shown);
  }

  /** @returns {{ type: ValueType, text: string }} for `accept` */
  typed() {
    return { type: this.type, text: this.input.value };
  }

  /** What was typed is set; only what was typed after it is a change. @param {{ type: ValueType, text: string }} typed */
  accept(typed) {
    this.#shown = { ...this.#shown, ...typed };
  }

  /** @param {ValueType} type @param {string} text */
  #put(type, text) {
    const tag = type === "yes or no" ? "select" : type === "JSON" || /[\r\n]/.test(text) ? "textarea" : "input";
    const before = this.input;
    if (before.localName !== tag) {
      const focused = document.activeElement === before;
      before.replaceWith(this.#made(tag));
      if (focused) this.input.focus();
    }
    const { input } = this;
    const { placeholder } = this.#shown;
    if (input instanceof HTMLSelectElement) {
      const none = placeholder === "" ? "not set" : `not set: ${placeholder} in force`;
      replace(input, h("option", { value: "" }, none), h("option", { value: "true" }, "true"), h("option", { value: "false" }, "false"));
      input.value = text === "true" || text === "false" ? text : "";
      return;
    }
    input.placeholder = placeholder;
    input.value = text;
    if (input instanceof HTMLTextAreaElement) input.rows = Math.min(8, text.split("\n").length);
    else input.inputMode = type === "number" ? "decimal" : "text";
  }

  /** @param {"input" | "select" | "textarea"} tag @returns {Input} */
  #made(tag) {
    return h(tag, { "aria-label": `Value of ${this.name}`, autocomplete: "off", spellcheck: "false", ...(tag === "input" && { type: "text" }) });
  }
}
