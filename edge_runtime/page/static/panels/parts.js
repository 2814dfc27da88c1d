// @ts-check
/** Pieces that several panels are made of. */

/** @typedef {import("../panel.js").Context} Context */
/** @typedef {typeof import("../dom.js")} Dom */

/**
 * A button that holds a moving list still.
 * @param {Dom} dom
 * @param {string} what is held: "frames"
 * @param {(paused: boolean) => void} changed
 */
export function pauseButton({ h, set, write }, what, changed) {
  const button = h("button", { type: "button", class: "pause", "aria-pressed": "false" }, `Pause ${what}`);
  button.addEventListener("click", () => {
    const paused = button.getAttribute("aria-pressed") !== "true";
    set(button, "aria-pressed", String(paused));
    write(button, `${paused ? "Resume" : "Pause"} ${what}`);
    changed(paused);
  });
  return button;
}

/**
 * A choice among texts that come and go. The chosen one stays, also while it is not among them.
 * @param {Dom} dom
 * @param {string} label
 * @param {string} all what the choice of none is called
 * @param {() => void} changed
 */
export function choice({ h, keep }, label, all, changed) {
  const select = h("select", { "aria-label": label, onchange: changed });
  const element = h("label", { class: "choice" }, h("span", null, label), select);
  /** @param {readonly string[]} values */
  const offer = (values) => {
    const { value: chosen } = select;
    const offered = chosen === "" || values.includes(chosen) ? values : [...values, chosen];
    keep(select, ["", ...offered], (value) => `=${value}`, (value) => h("option", { value }, value || all));
  };
  offer([]);
  return { element, offer, value: () => select.value };
}

/**
 * A table that may be wider than a phone.
 * @param {Dom} dom
 * @param {string} caption
 * @param {readonly string[]} headings
 */
export function table({ h, write }, caption, headings) {
  const head = h("tr", null, ...headings.map((heading) => h("th", { scope: "col" }, heading)));
  const rows = h("tbody");
  const title = h("caption", null, caption);
  const element = h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
    h("table", null, title, h("thead", null, head), rows));
  /** @param {string} text a caption that tells more than at first */
  const call = (text) => write(title, text);
  return { element, head, rows, call };
}

/**
 * Names and values.
 * @param {Dom} dom
 * @param {Iterable<readonly [string, import("../dom.js").Child]>} pairs
 */
export function facts({ h }, pairs) {
  return h("dl", { class: "facts" }, ...[...pairs].flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}
