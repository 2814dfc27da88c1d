// @ts-check
/** The graph in one line, for who sees it for the first time. Pure. */

import { shorten, visible } from "../format.js";
import { UPSTREAM } from "./graph.js";
import { layersOf } from "./layers.js";

const LONGEST = 240;

/** @param {import("./graph.js").Graph} graph @returns {string} `camera → classifier → IoT Hub (local)`; empty where nothing flows */
export function flowOf({ nodes, edges }) {
  const flowing = nodes.filter(({ id }) => edges.some((edge) => edge.from === id || edge.to === id));
  const titles = new Map(flowing.map((node) => [node.id, visible(node.title)]));
  const layers = layersOf([...titles.keys()], edges, titles.has(UPSTREAM) ? UPSTREAM : null);
  return shorten(layers.map((layer) => layer.map((id) => titles.get(id)).join(", ")).join(" → "), LONGEST);
}
