// @ts-check
/** The editor of a module's desired properties: each with a field of its type and what the module acknowledges. */

import { h, keep, write } from "../dom.js";
import { TwinCopy } from "./twin-copy.js";
import { propertiesOf } from "./twin.js";
import { ValueField } from "./value-field.js";
import { changeOf } from "./value.js";

/**
 * @typedef {import("./twin.js").Property} Property
 * @typedef {import("../panel.js").Context} Context
 * @typedef {object} Row
 * @property {ValueField} field
 * @property {HTMLElement} verdict
 * @property {HTMLElement} failure
 * @property {HTMLButtonElement} remove
 * @property {string} shown what the field was written with, as JSON
 * @property {unknown} base the desired value among that
 */

const MOST_ROWS = 200;

export class Properties {
  /** @type {WeakMap<Element, Row>} */
  #rows = new WeakMap();
  /** Properties that were set here and are not answered yet, with the version that they were set with. @type {Map<string, number>} */
  #awaited = new Map();

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
    this.copy = new TwinCopy(() => context.api.twin(module));
    this.version = h("p", { class: "hint" }, "Reading the twin…");
    this.failure = h("p", { class: "failure", role: "alert" });
    this.again = h("button", { type: "button", hidden: true, onclick: () => void this.load() }, "Read the twin again");
    this.list = h("ul", { class: "properties", tabindex: "-1", "aria-label": `Properties of ${module}` });
    element.append(h("h3", null, "Desired properties"), this.version, this.failure, this.again, this.list, this.#adder());
  }

  async load() {
    let failure = "";
    try {
      await this.copy.load();
    } catch (error) {
      failure = `The twin could not be read: ${/** @type {Error} */ (error).message}`;
    }
    write(this.failure, failure);
    this.again.hidden = failure === "";
    if (failure && !this.copy.twin) write(this.version, "");
    this.draw();
  }

  /** @param {Record<string, unknown>} patch of the reported section */
  reported(patch) {
    this.copy.reported(patch);
    const { twin } = this.copy;
    if (!twin) return;
    this.draw();
    // Somebody else has changed what is desired.
    if (propertiesOf(twin).some((one) => (one.acknowledgement?.av ?? 0) > twin.version)) void this.load();
  }

  show() {
    const { twin, since } = this.copy;
    if (!twin) return;
    const properties = propertiesOf(twin, since);
    const left = properties.length - MOST_ROWS;
    write(this.version, `Version ${twin.version}${left > 0 ? `; ${left} properties are left out` : ""}.`);
    const within = this.list.contains(document.activeElement);
    keep(this.list, properties.slice(0, MOST_ROWS), (one) => one.name, (one) => this.#create(one), (element, one) => this.#update(element, one));
    // The row of a removed property goes, and who pressed its button stays here.
    if (within && !this.list.contains(document.activeElement)) this.list.focus();
  }

  /**
   * @param {string} name
   * @param {unknown} value null: no longer desired
   * @param {HTMLElement} failure where to tell it
   * @returns {Promise<boolean>} whether it was done
   */
  async #set(name, value, failure) {
    write(failure, "");
    const patch = { [name]: value };
    try {
      const { version } = await this.context.api.patchDesired(this.module, patch);
      this.copy.desired(patch, version);
      this.#awaited.set(name, version);
    } catch (error) {
      write(failure, `${name} was not set: ${/** @type {Error} */ (error).message}`);
      return false;
    }
    void this.load();
    return true;
  }

  /** @param {string} name @returns {unknown} undefined: nothing */
  #desired(name) {
    const { twin } = this.copy;
    return twin && Object.hasOwn(twin.desired, name) ? twin.desired[name] : undefined;
  }

  /** @param {Property} property */
  #create({ name }) {
    const field = new ValueField(name);
    const verdict = h("p", { class: "verdict" });
    const failure = h("p", { class: "failure", role: "alert" });
    const remove = h("button", { type: "button", "aria-label": `Remove ${name}` }, "Remove");
    const form = h("form", null, h("b", null, name), field.element, h("button", { "aria-label": `Set ${name}` }, "Set"), remove);
    /** @type {Row} */
    const row = { field, verdict, failure, remove, shown: "", base: undefined };
    remove.addEventListener("click", () => void this.#change(name, row, null));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      try {
        void this.#change(name, row, changeOf(row.base, this.#desired(name), field.read()));
      } catch (error) {
        write(failure, /** @type {Error} */ (error).message);
      }
    });
    const element = h("li", { dataset: { property: name } }, form, failure, verdict);
    this.#rows.set(element, row);
    return element;
  }

  /** @param {string} name @param {Row} row @param {unknown} value */
  async #change(name, row, value) {
    const typed = row.field.typed();
    if (!(await this.#set(name, value, row.failure))) return;
    // What comes back is shown, also where it is what stood there before; what is typed meanwhile stays.
    row.field.accept(typed);
    row.shown = "";
    row.base = this.#desired(name);
    this.draw();
  }

  /** @param {Element} element @param {Property} property */
  #update(element, property) {
    const row = this.#rows.get(element);
    if (!row) return;
    const value = property.set ? property.desired : undefined;
    const shown = JSON.stringify([value, property.acknowledgement?.value]);
    // What somebody is typing stays.
    if (!row.field.changed && row.shown !== shown) {
      row.field.write(value, property.acknowledgement?.value);
      row.shown = shown;
      row.base = value;
    }
    if (!property.set && document.activeElement === row.remove) row.field.input.focus();
    row.remove.hidden = !property.set;
    /** @type {HTMLElement} */ (element).dataset.verdict = property.verdict;
    write(row.verdict, property.text);
    const awaited = this.#awaited.get(property.name);
    if (awaited !== undefined && (property.acknowledgement?.av ?? 0) >= awaited) {
      this.#awaited.delete(property.name);
      this.context.announce(`${property.name}: ${property.text}`);
    }
  }

  #adder() {
    const name = h("input", { type: "text", "aria-label": "Name of a new property", placeholder: "new property", autocomplete: "off", spellcheck: "false" });
    const field = new ValueField("the new property");
    const failure = h("p", { class: "failure", role: "alert" });
    const form = h("form", { class: "adder" }, name, field.element, h("button", null, "Add"));
    const add = async () => {
      const wanted = name.value.trim();
      const typed = field.typed();
      if (wanted === "") throw new Error("A new property needs a name.");
      if (this.#desired(wanted) !== undefined) throw new Error(`${wanted} is there already: change it in its own row.`);
      if (!(await this.#set(wanted, field.read(), failure))) return;
      field.accept(typed);
      // Typed meanwhile: the next one.
      if (field.changed || name.value.trim() !== wanted) return;
      field.write(undefined);
      name.value = "";
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      add().catch((error) => write(failure, /** @type {Error} */ (error).message));
    });
    return h("div", null, form, failure);
  }
}
