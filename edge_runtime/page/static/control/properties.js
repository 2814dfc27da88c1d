// @ts-check
/** The editor of a module's desired properties: each with a field of its type and what the module acknowledges. */

import { h, keep, write } from "../dom.js";
import { patched, propertiesOf } from "./twin.js";
import { ValueField } from "./value-field.js";

/**
 * @typedef {import("./twin.js").Property} Property
 * @typedef {import("../panel.js").Context} Context
 * @typedef {{ field: ValueField, verdict: HTMLElement, remove: HTMLButtonElement, shown: string }} Row
 */

const MOST_ROWS = 200;

export class Properties {
  /** @type {import("../wire").Twin | null} */
  #twin = null;
  /** @type {WeakMap<Element, Row>} */
  #rows = new WeakMap();
  /** Properties that were set here and are not answered yet. @type {Set<string>} */
  #awaited = new Set();
  #loading = false;

  /**
   * @param {HTMLElement} element
   * @param {string} module
   * @param {Context} context
   * @param {() => void} draw sees to it that `show` is called soon
   */
  constructor(element, module, context, draw) {
    this.module = module;
    this.context = context;
    this.draw = draw;
    this.version = h("p", { class: "hint" }, "Reading the twin…");
    this.list = h("ul", { class: "properties" });
    this.failure = h("p", { class: "failure", role: "alert" });
    element.append(h("h3", null, "Desired properties"), this.version, this.list, this.#adder(), this.failure);
  }

  async load() {
    if (this.#loading) return;
    this.#loading = true;
    try {
      this.#twin = await this.context.api.twin(this.module);
      this.draw();
    } catch (error) {
      this.#fail("The twin could not be read", error);
    } finally {
      this.#loading = false;
    }
  }

  /** @param {Record<string, unknown>} patch of the reported section */
  reported(patch) {
    if (!this.#twin) return;
    this.#twin = { ...this.#twin, reported: patched(this.#twin.reported, patch) };
    this.draw();
    // Somebody else has changed what is desired.
    if (propertiesOf(this.#twin).some((one) => (one.acknowledgement?.av ?? 0) > (this.#twin?.version ?? 0))) void this.load();
  }

  /** @param {string} name @param {unknown} value null: no longer desired */
  async #set(name, value) {
    write(this.failure, "");
    try {
      const { version } = await this.context.api.patchDesired(this.module, { [name]: value });
      this.#awaited.add(name);
      if (this.#twin) this.#twin = { ...this.#twin, version, desired: patched(this.#twin.desired, { [name]: value }) };
      this.#row(name)?.field.write(value ?? undefined);
      await this.load();
    } catch (error) {
      this.#fail(`${name} was not set`, error);
    }
  }

  /** @param {string} name */
  #row(name) {
    const element = [...this.list.children].find((one) => one.getAttribute("data-key") === name);
    return element && this.#rows.get(element);
  }

  show() {
    if (!this.#twin) return;
    const properties = propertiesOf(this.#twin);
    const left = properties.length - MOST_ROWS;
    write(this.version, `Version ${this.#twin.version}${left > 0 ? `; ${left} properties are left out` : ""}.`);
    keep(this.list, properties.slice(0, MOST_ROWS), (one) => one.name, (one) => this.#create(one), (element, one) => this.#update(element, one));
  }

  /** @param {Property} property */
  #create({ name }) {
    const field = new ValueField(name);
    const verdict = h("p", { class: "verdict" });
    const remove = h("button", { type: "button", "aria-label": `Remove ${name}`, onclick: () => void this.#set(name, null) }, "Remove");
    const form = h("form", null, h("b", null, name), field.element, h("button", { "aria-label": `Set ${name}` }, "Set"), remove);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(name, field);
    });
    const element = h("li", { dataset: { property: name } }, form, verdict);
    this.#rows.set(element, { field, verdict, remove, shown: "" });
    return element;
  }

  /** @param {string} name @param {ValueField} field */
  #submit(name, field) {
    try {
      void this.#set(name, field.read());
    } catch (error) {
      this.#fail("Not set", error);
    }
  }

  /** @param {Element} element @param {Property} property */
  #update(element, property) {
    const row = this.#rows.get(element);
    if (!row) return;
    const value = property.set ? property.desired : undefined;
    const shown = JSON.stringify([value, property.acknowledgement?.value]);
    // What somebody is typing stays.
    if (!row.field.edited && row.shown !== shown) {
      row.field.write(value, property.acknowledgement?.value);
      row.shown = shown;
    }
    row.remove.hidden = !property.set;
    /** @type {HTMLElement} */ (element).dataset.verdict = property.verdict;
    write(row.verdict, property.text);
    if (this.#awaited.has(property.name) && (property.acknowledgement?.av ?? 0) >= (this.#twin?.version ?? 0)) {
      this.#awaited.delete(property.name);
      this.context.announce(`${property.name}: ${property.text}`);
    }
  }

  #adder() {
    const name = h("input", { type: "text", "aria-label": "Name of a new property", placeholder: "new property", autocomplete: "off", spellcheck: "false" });
    const field = new ValueField("the new property");
    const form = h("form", { class: "adder" }, name, field.element, h("button", null, "Add"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (name.value.trim() === "") return void write(this.failure, "A new property needs a name.");
      this.#submit(name.value.trim(), field);
    });
    return form;
  }

  /** @param {string} what @param {unknown} error */
  #fail(what, error) {
    write(this.failure, `${what}: ${/** @type {Error} */ (error).message}`);
  }
}
