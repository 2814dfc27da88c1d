// @ts-check
/** Which device this is, whether the page still hears it, and light or dark. */

import { h, write } from "./dom.js";
import { figure } from "./format.js";
import { store, stored } from "./storage.js";

const THEME = "edge-runtime-page-theme";
const THEMES = /** @type {const} */ (["auto", "light", "dark"]);

/** @type {Record<import("./state.js").ConnectionStatus, string>} */
const TOLD = {
  connecting: "Connecting…",
  open: "Live",
  waiting: "Connection lost, trying again…",
  refused: "Refused",
};

/** @param {HTMLElement} element @param {import("./panel.js").Context} context */
export function mountHeader(element, { state }) {
  const device = h("span", { id: "device" });
  const status = h("p", { id: "connection", role: "status" });
  const missed = h("p", { id: "missed", class: "hint", hidden: true });
  const problem = h("p", { id: "problem", role: "alert", hidden: true });
  element.append(h("h1", null, "Edge device ", device), status, missed, themeSwitch(), problem);

  state.on("hello", (hello) => {
    write(device, hello.device);
    document.title = `${hello.device} · edge runtime`;
  });
  const show = () => {
    const { status: now, detail } = state.connection;
    status.dataset.status = now;
    write(status, TOLD[now]);
    const down = state.snapshot?.hub === "down" ? "The hub process is down: its figures are the last ones known." : "";
    const text = now === "refused" ? `${detail}` : now === "waiting" ? `${detail}; what is shown is old.` : down;
    problem.hidden = text === "";
    write(problem, text);
    missed.hidden = state.missed === 0;
    write(missed, missedText(state.missed));
  };
  state.on("connection", show);
  state.on("snapshot", show);
  state.on("gap", show);
  show();
}

/** @param {number} missed events that the server left out */
export function missedText(missed) {
  if (missed === 0) return "";
  return `${missed === 1 ? "1 event was" : `${figure(missed)} events were`} left out: this page was too slow.`;
}

function themeSwitch() {
  const select = h("select", { id: "theme", onchange: () => choose(select.value) });
  for (const theme of THEMES) select.append(h("option", { value: theme }, theme));
  /** @param {string} theme */
  const choose = (theme) => {
    const known = THEMES.find((one) => one === theme) ?? "auto";
    select.value = known;
    document.documentElement.dataset.theme = known;
    store("localStorage", THEME, known);
  };
  choose(stored("localStorage", THEME) ?? "auto");
  return h("label", { class: "theme" }, "Theme ", select);
}
