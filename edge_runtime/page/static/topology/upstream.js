// @ts-check
/** The switch that takes the local IoT Hub out of the hub's reach, and what waits meanwhile. */

import { h, svg, write } from "../dom.js";
import { figure } from "../format.js";
import { upstreamHealth } from "./graph.js";
import { SwitchState } from "./switch-state.js";

/** @typedef {import("../wire").Snapshot} Snapshot */

/** Snapshots, one a second. */
const KEPT = 180;
const CHART = Object.freeze({ width: 240, height: 36 });

/**
 * @param {HTMLElement} place
 * @param {import("../panel.js").Context} context
 * @returns {{ remember: (snapshot: Snapshot) => void, show: (snapshot: Snapshot) => void }}
 */
export function mountUpstream(place, context) {
  /** @type {number[]} */
  const backlog = [];
  const line = svg("polyline", { class: "spark" });
  const chart = svg("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, class: "backlog", "aria-hidden": "true" }, line);
  const text = h("p", { id: "upstream-text" });
  const button = h("button", { type: "button", id: "upstream-switch", disabled: true, onclick: () => void change() });
  const failure = h("p", { class: "failure", role: "alert" });
  const now = new SwitchState();
  let changing = false;

  async function change() {
    button.disabled = changing = true;
    write(failure, "");
    try {
      const { connected } = await context.api.switchUpstream(now.off);
      now.changed(!connected);
      context.announce(connected ? "The upstream is back: what waited is sent." : "The upstream is down: messages wait.");
    } catch (error) {
      write(failure, `The upstream could not be switched: ${/** @type {Error} */ (error).message}`);
    } finally {
      button.disabled = changing = false;
      label();
    }
  }

  function label() {
    write(button, now.off ? "Bring the upstream back" : "Take the upstream down");
  }

  place.append(h("h3", null, "Upstream"), text, chart, button, failure);
  label();
  return {
    remember({ upstream }) {
      now.seen(upstream.switchedOff);
      backlog.push(upstream.queued);
      if (backlog.length > KEPT) backlog.shift();
    },
    show(snapshot) {
      const { upstream } = snapshot;
      if (!changing) {
        button.disabled = false;
        label();
      }
      const most = Math.max(1, ...backlog);
      const points = backlog.map((queued, at) => {
        const x = ((at + KEPT - backlog.length) / (KEPT - 1)) * CHART.width;
        return `${x.toFixed(1)},${(CHART.height - 2 - (queued / most) * (CHART.height - 6)).toFixed(1)}`;
      });
      line.setAttribute("points", points.join(" "));
      const reach = upstreamHealth(snapshot).text;
      write(text, `${reach.charAt(0).toUpperCase()}${reach.slice(1)}: ${figure(upstream.queued)} waiting (at most ${figure(Math.max(...backlog))} in the last three minutes), ${figure(upstream.delivered)} sent.`);
    },
  };
}
