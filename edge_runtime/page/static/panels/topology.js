// @ts-check
/** What runs and what flows: modules, routes, queues, drops, upstream. Drawn from snapshots alone, for any solution. */

import { Drawing, showSystem } from "../topology/drawing.js";
import { flowOf } from "../topology/flow.js";
import { graphOf } from "../topology/graph.js";
import { motion } from "../topology/motion.js";
import { mountDrops, mountTables } from "../topology/tables.js";
import { mountUpstream } from "../topology/upstream.js";
import { pauseButton } from "./parts.js";

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "topology",
  title: "Topology",
  mount(element, context) {
    const { h, write } = context.dom;
    const lead = h("p", { class: "hint" });
    const system = h("ul", { class: "system", "aria-label": "Runtime" });
    const picture = h("div", { class: "picture" }, h("p", { class: "hint" }, "Waiting for the runtime…"));
    const upstream = h("div", { class: "upstream" });
    const drops = h("div", { class: "drops", hidden: true });
    const tables = h("div");
    const details = h("details", { ontoggle: () => draw() }, h("summary", null, "As tables"), tables);
    const moving = motion(picture);
    const still = pauseButton(context.dom, "motion", moving.hold);
    element.append(lead, system, picture, still, upstream, drops, details);
    const drawing = new Drawing(picture, (node) => context.show("control", node.title));
    const [showTables, showDrops] = [mountTables(tables), mountDrops(drops)];
    const upstreamSwitch = mountUpstream(upstream, context);

    const draw = context.redraw(() => {
      const { snapshot } = context.state;
      if (!snapshot) return;
      showSystem(system, snapshot);
      const graph = graphOf(snapshot);
      const flow = flowOf(graph);
      write(lead, `${flow ? `Messages flow ${flow}. ` : "No route sends messages anywhere. "}Choose a module in the picture to control it.`);
      drawing.show(snapshot, graph);
      upstreamSwitch.show(snapshot);
      showDrops(snapshot);
      if (details.open) showTables(snapshot);
    });
    const ends = [
      context.state.on("snapshot", (snapshot) => (upstreamSwitch.remember(snapshot), draw())),
      context.state.on("connection", ({ status }) => picture.classList.toggle("stale", status !== "open")),
    ];
    const resized = new ResizeObserver(draw);
    resized.observe(picture);
    return { end: () => (moving.end(), resized.disconnect(), ends.forEach((end) => end())) };
  },
};
