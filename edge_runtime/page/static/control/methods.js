// @ts-check
/** Direct methods: any by its name, and `pause` and `resume` as buttons for modules that answer them. */

import { h, write } from "../dom.js";

/** @typedef {import("../panel.js").Context} Context */

const LONGEST_ANSWER = 20_000;
/** What modules answer for a method that they do not have. */
const UNKNOWN = new Set([404, 501]);

/** Modules that were found to have neither `pause` nor `resume`; no interface tells beforehand. @type {Set<string>} */
const neverPause = new Set();

/**
 * @param {HTMLElement} element
 * @param {string} module
 * @param {Context} context
 */
export function mountMethods(element, module, context) {
  const name = h("input", { id: "method-name", type: "text", required: true, autocomplete: "off", spellcheck: "false" });
  const payload = h("textarea", { id: "method-payload", rows: 2, spellcheck: "false", placeholder: "null" });
  const timeout = h("input", { id: "method-timeout", type: "number", min: 5, max: 300, value: 30 });
  const answer = h("pre", { class: "answer", tabindex: "0", "aria-label": "Answer", "aria-live": "polite" });
  const pausing = h("p", { class: "buttons", hidden: neverPause.has(module) });

  /** @param {string} method @param {unknown} value */
  async function call(method, value) {
    write(answer, `${method}: waiting for the answer…`);
    try {
      const { status, payload: given } = await context.api.call(module, method, value, Number(timeout.value) || 30);
      const text = JSON.stringify(given, null, 1) ?? "";
      const end = text.length > LONGEST_ANSWER ? `\n… ${text.length - LONGEST_ANSWER} characters more` : "";
      write(answer, `${method}: ${status}\n${text.slice(0, LONGEST_ANSWER)}${end}`);
      return status;
    } catch (error) {
      write(answer, `${method}: ${/** @type {Error} */ (error).message}`);
      return null;
    }
  }

  for (const [method, label] of [["pause", "Pause"], ["resume", "Resume"]]) {
    const press = async () => {
      const status = await call(String(method), null);
      if (status === null || !UNKNOWN.has(status)) return;
      neverPause.add(module);
      pausing.hidden = true;
    };
    pausing.append(h("button", { type: "button", onclick: () => void press() }, label));
  }
  const form = h(
    "form",
    { class: "fields" },
    h("label", { for: name.id }, "Method"), name,
    h("label", { for: payload.id }, "Payload (JSON)"), payload,
    h("label", { for: timeout.id }, "Seconds to wait"), timeout,
    h("button", null, "Call"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    /** @type {unknown} */
    let value = null;
    try {
      value = payload.value.trim() === "" ? null : JSON.parse(payload.value);
    } catch (error) {
      write(answer, `The payload is no JSON: ${/** @type {Error} */ (error).message}`);
      return;
    }
    void call(name.value, value);
  });
  element.append(h("h3", null, "Direct methods"), pausing, form, answer);
}
