// @ts-check
/** What runs and what flows: modules, routes, queues, drops, upstream. Drawn from snapshots alone, for any solution. */

import { Drawing, showSystem } from "../topology/drawing.js";
import { graphOf } from "../topology/graph.js";
import { showDrops, showTables } from "../topology/tables.js";
import { mountUpstream } from "../topology/upstream.js";

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "topology",
  title: "Topology",
  mount(element, context) {
    const { h } = context.dom;
    const system = h("ul", { class: "system", "aria-label": "Runtime" });
    const picture = h("div", { class: "picture" }, h("p", { class: "hint" }, "Waiting for the runtime…"));
    const upstream = h("div", { class: "upstream" });
    const drops = h("div", { class: "drops" });
    const tables = h("div");
    const details = h("details", { ontoggle: () => draw() }, h("summary", null, "As tables"), tables);
    element.append(system, picture, upstream, drops, details);
    const drawing = new Drawing(picture, (node) => context.show("control", node.title));
    const upstreamSwitch = mountUpstream(upstream, context);

    const draw = context.redraw(() => {
      const { snapshot } = context.state;
      if (!snapshot) return;
      showSystem(system, snapshot);
      drawing.show(snapshot, graphOf(snapshot));
      upstreamSwitch.show(snapshot);
      showDrops(drops, snapshot);
      if (details.open) showTables(tables, snapshot);
    });
    const ends = [
      context.state.on("snapshot", (snapshot) => (upstreamSwitch.remember(snapshot), draw())),
      context.state.on("connection", ({ status }) => picture.classList.toggle("stale", status !== "open")),
    ];
    const resized = new ResizeObserver(draw);
    resized.observe(picture);
    return { end: () => (resized.disconnect(), ends.forEach((end) => end())) };
  },
};
