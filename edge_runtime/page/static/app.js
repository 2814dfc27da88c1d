// @ts-check
/** The page: mounts the panels, shows one view at a time, follows the stream. What a panel is: `panel.js`. */

import { Api, takeToken } from "./api.js";
import * as dom from "./dom.js";
import { mountHeader } from "./header.js";
import { detail } from "./panels/messages.js";
import { redraw } from "./redraw.js";
import { State } from "./state.js";
import { VIEWS } from "./views.js";

/** @typedef {import("./panel.js").Context} Context */

const { h } = dom;
const state = new State();
const api = new Api(takeToken());
/** @type {Map<string, import("./panel.js").Mounted>} */
const mounted = new Map();

/** @param {string} id @returns {HTMLElement} */
function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let silence;

/** @param {string} text */
function announce(text) {
  const place = byId("announcement");
  place.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => place.replaceChildren(), 8000);
}

/** @param {string} id a view's, or a panel's: then the view that has it @param {boolean} [focus] */
function showView(id, focus = false) {
  const view = VIEWS.find((one) => one.id === id || one.panels.some((panel) => panel.id === id)) ?? VIEWS[0];
  for (const one of VIEWS) {
    const current = one === view;
    byId(`view-${one.id}`).hidden = !current;
    dom.set(byId(`link-${one.id}`), "aria-current", current ? "page" : null);
  }
  if (focus) byId(`view-${view?.id}`).focus();
}

/** @param {string} id @param {unknown} [argument] */
function show(id, argument) {
  history.replaceState(null, "", `#${id}`);
  showView(id, true);
  if (argument !== undefined) mounted.get(id)?.open?.(argument);
}

/** @param {string} trace */
function openMessage(trace) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("detail"));
  // An element of its own: what watches whether it can be seen ends with it.
  const body = h("div");
  byId("detail-body").replaceChildren(body);
  const end = detail(body, trace, contextFor(body));
  dialog.addEventListener("close", () => (end?.(), body.remove()), { once: true });
  if (!dialog.open) dialog.showModal();
}

/** @param {HTMLElement} element @returns {Context} */
function contextFor(element) {
  return { state, api, dom, redraw: (draw) => redraw(element, draw), openMessage, show, announce };
}

function mountViews() {
  for (const view of VIEWS) {
    const section = h("div", { id: `view-${view.id}`, class: "view", tabindex: "-1", hidden: true });
    for (const panel of view.panels) {
      const body = h("div", { class: "panel-body" });
      const heading = h("h2", { id: `heading-${panel.id}` }, panel.title);
      const attributes = { id: `panel-${panel.id}`, class: "panel", "aria-labelledby": heading.id };
      section.append(h("section", attributes, heading, body));
      mounted.set(panel.id, panel.mount(body, contextFor(body)) ?? {});
    }
    byId("views").append(section);
    byId("navigation").append(h("li", null, h("a", { id: `link-${view.id}`, href: `#${view.id}` }, view.title)));
  }
  addEventListener("hashchange", () => {
    if (location.hash.startsWith("#token=")) location.reload();
    else if (location.hash !== "#views") showView(location.hash.slice(1));
  });
  byId("detail-close").addEventListener("click", () => /** @type {HTMLDialogElement} */ (byId("detail")).close());
}

const following = new AbortController();
addEventListener("pagehide", () => {
  following.abort();
  for (const one of mounted.values()) one.end?.();
});
// A page that comes back out of the browser's cache has ended its panels.
addEventListener("pageshow", (event) => event.persisted && location.reload());

mountHeader(byId("header"), contextFor(byId("header")));
mountViews();
showView(location.hash.slice(1));
void api.follow(state, following.signal);
