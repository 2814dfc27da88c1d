// @ts-check
/** Small charts as SVG. Each says in words what it shows; where that is not enough a table stands beside it. */

import { linePoints } from "./buckets.js";

/** @typedef {typeof import("../dom.js")} Dom */

const WIDTH = 120;
const HEIGHT = 24;

/**
 * A line of counts, shares or other values over time.
 * @param {Dom} dom
 * @param {readonly number[]} values
 * @param {string} description
 * @param {{largest?: number, marks?: readonly number[]}} [options] `largest`: the value at the top; `marks`: places of
 *   vertical lines, as shares of the width
 */
export function sparkline({ svg }, values, description, { largest = Math.max(1, ...values), marks = [] } = {}) {
  const line = linePoints(values, WIDTH, HEIGHT - 2, largest);
  return svg(
    "svg",
    { viewBox: `0 -1 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "sparkline", role: "img", "aria-label": description },
    svg("title", null, description),
    svg("polygon", { points: `0,${HEIGHT - 2} ${line} ${WIDTH},${HEIGHT - 2}` }),
    svg("polyline", { points: line, "vector-effect": "non-scaling-stroke" }),
    ...marks.map((mark) => {
      const x = Math.round(mark * WIDTH * 100) / 100;
      return svg("line", { x1: x, x2: x, y1: -1, y2: HEIGHT, "vector-effect": "non-scaling-stroke" });
    }),
  );
}

/**
 * One bar from the left; its figure stands beside it as text.
 * @param {Dom} dom
 * @param {number} part in [0, 1]
 */
export function bar({ svg }, part) {
  const width = Math.round(Math.min(1, Math.max(0, part)) * 1000) / 10;
  return svg(
    "svg",
    { viewBox: "0 0 100 10", preserveAspectRatio: "none", class: "bar", "aria-hidden": "true" },
    svg("rect", { class: "all", width: 100, height: 10 }),
    svg("rect", { class: "part", width, height: 10 }),
  );
}

/**
 * Upright bars with their counts above and their names below.
 * @param {Dom} dom
 * @param {readonly {name: string, value: number}[]} bars
 * @param {string} description
 */
export function histogram({ svg }, bars, description) {
  const largest = Math.max(1, ...bars.map(({ value }) => value));
  const [step, base] = [40, 110];
  return svg(
    "svg",
    { viewBox: `0 0 ${bars.length * step} 130`, class: "histogram", role: "img", "aria-label": description },
    svg("title", null, description),
    ...bars.flatMap(({ name, value }, index) => {
      const height = Math.round((value / largest) * 900) / 10;
      const middle = index * step + step / 2;
      return [
        svg("rect", { x: index * step + 4, y: base - height, width: step - 8, height }),
        svg("text", { x: middle, y: base - height - 5 }, value),
        svg("text", { x: middle, y: base + 15 }, name),
      ];
    }),
    svg("line", { x1: 0, x2: bars.length * step, y1: base, y2: base }),
  );
}

/**
 * Stretches of time below each other.
 * @param {Dom} dom
 * @param {import("./hops.js").Hop} hop
 * @param {number} totalMs
 */
export function stretch({ svg }, { where, from, to }, totalMs) {
  const scale = totalMs > 0 ? 1000 / totalMs : 0;
  // A stretch that is too short to be seen is drawn two thousandths wide, and never beyond the end.
  const width = Math.max(2, (to - from) * scale);
  return svg(
    "svg",
    { viewBox: "0 0 1000 10", preserveAspectRatio: "none", class: "stretch", "aria-hidden": "true" },
    svg("rect", { class: "all", y: 4.5, width: 1000, height: 1 }),
    svg("rect", { class: where, x: Math.min(from * scale, 1000 - width), width, height: 10 }),
  );
}
