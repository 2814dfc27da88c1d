// @ts-check
/** The picture of the graph: built when its shape changes, else only texts, classes and the pace of what flows. */

import { h, keep, svg, write } from "../dom.js";
import { figure, percent, rate, shorten, size, visible } from "../format.js";
import { LINE, NODE, linesOf, place } from "./geometry.js";
import { dropsOf, healthIn, healthOf, queueOf, shapeOf, UPSTREAM, upstreamHealth, upstreamWaiting } from "./graph.js";
import { layersOf } from "./layers.js";

/**
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {import("./graph.js").Edge} Edge
 * @typedef {import("../wire").Snapshot} Snapshot
 * @typedef {(snapshot: Snapshot, graph: Graph) => void} Update
 */

const CHARACTER = 7;
/** Pixels that the place may be narrower or wider than the picture; beyond that it is drawn anew, or scrolls. */
const SLACK = 24;

export class Drawing {
  #shape = "";
  #across = -1;
  /** @type {Update[]} */
  #updates = [];

  /**
   * @param {HTMLElement} place
   * @param {(node: Node) => void} choose a node was clicked
   */
  constructor(place, choose) {
    this.place = place;
    this.choose = choose;
  }

  /** @param {Snapshot} snapshot @param {Graph} graph */
  show(snapshot, graph) {
    const shape = shapeOf(graph);
    const across = Math.max(300, this.place.clientWidth);
    if (shape !== this.#shape || Math.abs(across - this.#across) > SLACK) {
      this.#build(graph, across);
      this.#shape = shape;
      this.#across = across;
    }
    for (const update of this.#updates) update(snapshot, graph);
  }

  /** @param {Graph} graph @param {number} available */
  #build(graph, available) {
    const layers = layersOf(graph.nodes.map((node) => node.id), graph.edges, UPSTREAM);
    const geometry = place(graph, layers, available);
    const view = `0 0 ${Math.ceil(geometry.width)} ${Math.ceil(geometry.height)}`;
    const drawn = svg("svg", { viewBox: view, class: "graph", role: "group", "aria-label": "Modules and routes" });
    drawn.style.maxWidth = `${Math.ceil(geometry.width)}px`;
    // Shrunk to the place nobody could read it, and nothing would scroll.
    drawn.style.minWidth = `${Math.floor(geometry.width) - SLACK}px`;
    drawn.append(arrowHead());
    this.#updates = [];
    const focused = this.place.contains(document.activeElement) ? document.activeElement?.getAttribute("data-node") : null;
    for (const shape of geometry.edges) {
      const edge = /** @type {Edge} */ (graph.edges.find((one) => one.id === shape.id));
      const [element, update] = drawEdge(edge, shape);
      drawn.append(element);
      this.#updates.push(update);
    }
    for (const [id, at] of geometry.nodes) {
      const node = /** @type {Node} */ (graph.nodes.find((one) => one.id === id));
      const [element, update] = drawNode(node, at, this.choose);
      drawn.append(element);
      this.#updates.push(update);
      if (id === focused) queueMicrotask(() => element.focus());
    }
    this.place.replaceChildren(drawn);
  }
}

function arrowHead() {
  const shape = svg("path", { d: "M0 0 L8 4 L0 8 z", class: "arrow" });
  const attributes = { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7 };
  return svg("defs", null, svg("marker", { ...attributes, orient: "auto", markerUnits: "userSpaceOnUse" }, shape));
}

/**
 * @param {Node} node
 * @param {import("./geometry.js").Point} at
 * @param {(node: Node) => void} choose
 * @returns {[SVGGElement, Update]}
 */
function drawNode(node, at, choose) {
  const title = svg("text", { x: 30, y: 24, class: "node-title" }, visible(shorten(node.title, 20)));
  const state = svg("text", { x: 14, y: 43, class: "node-state" });
  const usage = svg("text", { x: 14, y: 60 });
  const counts = svg("text", { x: 14, y: 77 });
  const box = svg("rect", { width: NODE.width, height: NODE.height, rx: 10, class: "node-box" });
  const lamp = svg("circle", { cx: 19, cy: 19, r: 5, class: "lamp" });
  const tip = svg("title", null, node.kind === "upstream" ? `${node.title}: the stand-in on this machine; nothing is sent to Azure` : visible(node.title));
  const element = svg("g", { transform: `translate(${at.x} ${at.y})`, class: "node", "data-node": node.id }, tip);
  element.append(box, lamp, title, state, usage, counts);
  if (node.kind === "module") {
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "button");
    element.addEventListener("click", () => choose(node));
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(node);
    });
  }
  return [
    element,
    (snapshot, graph) => {
      const now = graph.nodes.find((one) => one.id === node.id) ?? node;
      const lines = linesOfNode(snapshot, now);
      element.dataset.health = lines.health;
      write(state, lines.state);
      write(usage, lines.usage);
      write(counts, lines.counts);
      const told = [node.title, lines.state, lines.usage, lines.counts].filter(Boolean).join(", ");
      if (element.getAttribute("aria-label") !== told) element.setAttribute("aria-label", told);
    },
  ];
}

/** @param {Snapshot} snapshot @param {Node} node */
function linesOfNode(snapshot, node) {
  if (node.kind === "upstream") {
    const { health, text } = upstreamHealth(snapshot);
    const { delivered, rate: perSecond } = snapshot.upstream;
    const { queued, underWay } = upstreamWaiting(snapshot);
    const counts = `${figure(queued)} waiting${underWay > 0 ? ` · ${figure(underWay)} under way` : ""}`;
    return { health, state: text, usage: `${figure(delivered)} sent, ${rate(perSecond)}`, counts };
  }
  if (!node.module) return { health: "off", state: "source of messages", usage: "", counts: waiting(node) };
  const { health, text } = healthOf(node.module);
  const { cpuPercent, memoryBytes, restartCount } = node.module;
  const restarts = `${figure(restartCount)} restart${restartCount === 1 ? "" : "s"}`;
  return {
    health,
    state: shorten(text, 26),
    usage: `CPU ${percent(cpuPercent)} · ${size(memoryBytes)}`,
    counts: [restarts, waiting(node)].filter(Boolean).join(" · "),
  };
}

/** @param {Node} node */
function waiting(node) {
  return node.queued ? `${figure(node.queued)} waiting` : "";
}

/**
 * @param {Edge} edge
 * @param {import("./geometry.js").EdgeShape} shape
 * @returns {[SVGGElement, Update]}
 */
function drawEdge(edge, shape) {
  const flow = svg("path", { d: shape.path, class: "flow" });
  const { x, y, angle } = shape.label;
  const label = svg("g", { class: "edge-label", transform: `translate(${x} ${y}) rotate(${angle})` });
  const letters = Math.max(8, Math.floor(shape.room / CHARACTER));
  const shown = edge.routes.slice(0, 3);
  const first = -(linesOf(edge) - 1) * LINE;
  const figures = shown.map((route, at) => {
    label.append(svg("text", { y: first + 2 * at * LINE, class: "route-name" }, visible(shorten(route.name, letters))));
    return label.appendChild(svg("text", { y: first + (2 * at + 1) * LINE, class: "route-figures" }));
  });
  if (edge.routes.length > shown.length) label.append(svg("text", { y: 0 }, `and ${edge.routes.length - shown.length} more`));
  const tip = svg("title", null, edge.routes.map((route) => `${visible(route.name)}: ${visible(route.text)}`).join("\n"));
  const line = svg("path", { d: shape.path, class: "line", "marker-end": "url(#arrow)" });
  const element = svg("g", { class: "edge" }, tip, line, flow, label);
  return [
    element,
    (snapshot, graph) => {
      const now = graph.edges.find((one) => one.id === edge.id) ?? edge;
      element.dataset.pace = paceOf(now.rate);
      figures.forEach((place, at) => write(place, figuresOf(snapshot, now.routes[at])));
      element.classList.toggle("holds", now.routes.some((route) => queueOf(snapshot, route).length > 0));
    },
  ];
}

/** @param {number} perSecond @returns {"none" | "slow" | "medium" | "fast"} one of few: another pace makes the dots jump */
function paceOf(perSecond) {
  if (perSecond <= 0) return "none";
  if (perSecond < 2) return "slow";
  return perSecond < 20 ? "medium" : "fast";
}

/** @param {Snapshot} snapshot @param {import("../wire").RouteState | undefined} route */
function figuresOf(snapshot, route) {
  if (!route) return "";
  const { length, of } = queueOf(snapshot, route);
  const queued = of === route.name ? length : 0;
  const dropped = dropsOf(snapshot, route).reduce((sum, drop) => sum + drop.count, 0);
  const parts = [rate(route.rate), queued && `${figure(queued)} waiting`, dropped && `${figure(dropped)} dropped`];
  return parts.filter(Boolean).join(" · ");
}

/** The strip of edgeHub, edgeAgent and totals. @param {HTMLElement} place @param {Snapshot} snapshot */
export function showSystem(place, snapshot) {
  const system = Object.entries(snapshot.modules).filter(([, module]) => module.system);
  /** @type {{ name: string, health: string, text: string }[]} */
  const chips = system.map(([name, module]) => {
    const { health, text } = healthIn(snapshot, name);
    return { name, health, text: `${text} · CPU ${percent(module.cpuPercent)} · ${size(module.memoryBytes)}` };
  });
  const lost = snapshot.dropped.reduce((sum, drop) => sum + drop.count, 0);
  chips.push({ name: "Messages", health: "", text: `${rate(snapshot.rate)} · ${figure(snapshot.stored)} stored · ${figure(lost)} dropped` });
  if (snapshot.store) {
    const { status, usedBytes, limitBytes, waiting: held } = snapshot.store;
    const of = limitBytes === null ? "" : ` of ${size(limitBytes)}`;
    const text = status === "ok" ? `${size(usedBytes)}${of}` : `full (${status}): ${figure(held)} messages wait`;
    chips.push({ name: "Store", health: status === "ok" ? "" : "bad", text });
  }
  keep(place, chips, (chip) => chip.name, ({ name }) => h("li", null, h("b", null, name), " ", h("span")), (element, { health, text }) => {
    /** @type {HTMLElement} */ (element).dataset.health = health;
    if (element.lastElementChild) write(element.lastElementChild, text);
  });
}
