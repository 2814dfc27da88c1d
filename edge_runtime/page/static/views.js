// @ts-check
/** Which views the page has, in which order, and which panels each of them shows. */

import { panel as control } from "./panels/control.js";
import { panel as events } from "./panels/events.js";
import { panel as explain } from "./panels/explain.js";
import { panel as frames } from "./panels/frames.js";
import { panel as messages } from "./panels/messages.js";
import { panel as model } from "./panels/model.js";
import { panel as topology } from "./panels/topology.js";

/** @typedef {{ id: string, title: string, panels: import("./panel.js").Panel[] }} View */

/** @type {View[]} */
export const VIEWS = [
  { id: "live", title: "Live", panels: [topology, frames] },
  { id: "events", title: "Events", panels: [events] },
  { id: "model", title: "Model", panels: [model] },
  { id: "messages", title: "Messages", panels: [messages] },
  { id: "control", title: "Control", panels: [control] },
  { id: "explain", title: "Explain", panels: [explain] },
];
