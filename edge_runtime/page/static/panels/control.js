// @ts-check
/** Choose a module; see how it is; change what is desired of it, call it, start it again, read its log. */

import { mountLogs } from "../control/logs.js";
import { mountMethods } from "../control/methods.js";
import { Properties } from "../control/properties.js";
import { span } from "../format.js";
import { healthIn } from "../topology/graph.js";

/** edgeAgent is the `run` itself. */
const NOT_RESTARTED = "edgeAgent";

/** @type {import("../panel.js").Panel} */
export const panel = {
  id: "control",
  title: "Control",
  mount(element, context) {
    const { h, keep, write } = context.dom;
    const { state, api } = context;
    const chooser = h("div", { class: "chooser", role: "group", "aria-label": "Module" });
    const pane = h("div", { class: "pane" }, h("p", { class: "hint" }, "Waiting for the runtime…"));
    element.append(chooser, pane);
    let chosen = "";
    /** @type {Properties | null} */
    let properties = null;
    let endLogs = () => {};
    let status = h("p");
    let failure = h("p");

    /** @param {string} name */
    function choose(name) {
      const module = state.snapshot?.modules[name];
      if (!module || name === chosen) return;
      chosen = name;
      endLogs();
      status = h("p", { class: "module-status" });
      const buttons = h("p", { class: "buttons" });
      if (name !== NOT_RESTARTED) buttons.append(h("button", { type: "button", onclick: () => void restart(name) }, `Restart ${name}`));
      const [twin, methods, logs] = [h("section"), h("section"), h("section")];
      failure = h("p", { class: "failure", role: "alert" });
      pane.replaceChildren(h("h3", { class: "module-name" }, name), status, buttons, failure);
      properties = null;
      if (!module.system) {
        pane.append(twin, methods);
        properties = new Properties(twin, name, context, draw);
        mountMethods(methods, name, context);
        void properties.load();
      }
      pane.append(logs);
      endLogs = mountLogs(logs, name, context);
      draw();
    }

    /** @param {string} name */
    async function restart(name) {
      const place = failure;
      write(place, "");
      try {
        await api.restart(name);
        context.announce(`${name} is being started again.`);
      } catch (error) {
        write(place, `${name} was not started again: ${/** @type {Error} */ (error).message}`);
      }
    }

    const draw = context.redraw(() => {
      const { snapshot } = state;
      if (!snapshot) return;
      const names = Object.keys(snapshot.modules);
      keep(
        chooser,
        names,
        (name) => name,
        (name) => h("button", { type: "button", onclick: () => choose(name) }, name),
        (button, name) => {
          const { health, text } = healthIn(snapshot, name);
          /** @type {HTMLElement} */ (button).dataset.health = health;
          // Not by its colour alone.
          write(button, health === "good" ? name : `${name}: ${text}`);
          button.setAttribute("aria-pressed", String(name === chosen));
        },
      );
      const module = snapshot.modules[chosen];
      if (!module) {
        const first = names.find((name) => !snapshot.modules[name]?.system) ?? names[0];
        if (first) choose(first);
        return;
      }
      const { health, text } = healthIn(snapshot, chosen);
      const parts = [text, `wanted: ${module.desiredStatus ?? "–"}`, `restarts: ${module.restartCount}`];
      if (module.status === "running") parts.push(`up for ${span(module.startedAt, snapshot.at)}`);
      write(status, parts.join(" · "));
      status.dataset.health = health;
      properties?.show();
    });

    const ends = [
      state.on("snapshot", draw),
      state.on("reported", (document) => document.module === chosen && properties?.reported(document.patch)),
      state.on("connected", ({ module }) => module === chosen && void properties?.load()),
      state.on("hello", () => void properties?.load()),
      // What was missed may have been a report.
      state.on("gap", () => void properties?.load()),
    ];
    return {
      end: () => (endLogs(), ends.forEach((end) => end())),
      open: (argument) => choose(String(argument)),
    };
  },
};
