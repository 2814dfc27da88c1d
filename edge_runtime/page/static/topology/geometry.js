// @ts-check
/** Where nodes and edges are drawn, from left to right or, where there is no room for that, from top to bottom. Pure. */

/**
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {{ x: number, y: number }} Point
 * @typedef {Point & { angle: 0 | -90 }} LabelPlace the last line's base line
 * @typedef {{ id: string, path: string, label: LabelPlace, room: number }} EdgeShape room: for the label's lines, in pixels
 * @typedef {{ width: number, height: number, nodes: Map<string, Point>, edges: EdgeShape[], across: boolean }} Geometry
 */

export const NODE = Object.freeze({ width: 176, height: 88 });
const MARGIN = 10;
/** Height of a line of text. */
export const LINE = 14;
const GAP = Object.freeze({ least: 128, most: 210, row: 44, down: 74 });
/** Between lanes, in which edges go round the nodes: two lines of text. */
const LANE = Object.freeze({ across: 40, down: 34 });

/**
 * @param {Graph} graph
 * @param {string[][]} layers
 * @param {number} available pixels from side to side
 * @returns {Geometry}
 */
export function place(graph, layers, available) {
  const columns = layers.length;
  const gap = columns > 1 ? (available - 2 * MARGIN - columns * NODE.width) / (columns - 1) : GAP.most;
  return gap >= GAP.least ? across(graph, layers, Math.min(gap, GAP.most)) : down(graph, layers, available);
}

/** @param {string[][]} layers @returns {Map<string, number>} */
function layerOf(layers) {
  return new Map(layers.flatMap((nodes, at) => nodes.map((node) => /** @type {const} */ ([node, at]))));
}

/**
 * @param {Graph} graph
 * @param {string[][]} layers
 * @param {number} gap
 * @returns {Geometry}
 */
function across(graph, layers, gap) {
  const layer = layerOf(layers);
  const above = graph.edges.filter((edge) => step(layer, edge) > 1);
  const below = graph.edges.filter((edge) => step(layer, edge) < 1);
  const rows = Math.max(...layers.map((nodes) => nodes.length));
  const labels = Math.max(0, ...graph.edges.filter((edge) => step(layer, edge) === 1).map(linesOf)) * LINE;
  // A label stands on the middle of its edge.
  const headroom = Math.max(0, labels + 9 - NODE.height / 2);
  const rowGap = Math.max(GAP.row, headroom);
  const top = MARGIN + above.length * LANE.across + headroom;
  const bottom = top + rows * NODE.height + (rows - 1) * rowGap;
  /** @type {Map<string, Point>} */
  const nodes = new Map();
  layers.forEach((names, column) => {
    const height = names.length * NODE.height + (names.length - 1) * rowGap;
    names.forEach((name, row) => {
      const x = MARGIN + column * (NODE.width + gap);
      nodes.set(name, { x, y: top + (bottom - top - height) / 2 + row * (NODE.height + rowGap) });
    });
  });
  const edges = graph.edges.map((edge) => {
    const from = /** @type {Point} */ (nodes.get(edge.from));
    const to = /** @type {Point} */ (nodes.get(edge.to));
    if (step(layer, edge) === 1) return straight(edge.id, from, to, gap);
    const upper = step(layer, edge) > 1;
    const lane = upper
      ? top - headroom - (above.indexOf(edge) + 0.4) * LANE.across
      : bottom + (below.indexOf(edge) + 1) * LANE.across - 6;
    return roundAcross(edge.id, from, to, lane, upper);
  });
  return {
    width: 2 * MARGIN + layers.length * NODE.width + (layers.length - 1) * gap,
    height: bottom + below.length * LANE.across + MARGIN,
    nodes,
    edges,
    across: true,
  };
}

/** @param {Map<string, number>} layer @param {{ from: string, to: string }} edge how many layers it goes on */
function step(layer, edge) {
  return (layer.get(edge.to) ?? 0) - (layer.get(edge.from) ?? 0);
}

/** @param {{ routes: unknown[] }} edge two a route, of at most three */
export function linesOf(edge) {
  return 2 * Math.min(3, edge.routes.length) + (edge.routes.length > 3 ? 1 : 0);
}

/** @param {string} id @param {Point} from @param {Point} to @param {number} gap @returns {EdgeShape} */
function straight(id, from, to, gap) {
  const [x1, y1] = [from.x + NODE.width, from.y + NODE.height / 2];
  const [x2, y2] = [to.x - 3, to.y + NODE.height / 2];
  const middle = (x1 + x2) / 2;
  const path = `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  return { id, path, label: { x: middle, y: (y1 + y2) / 2 - 7, angle: 0 }, room: gap - 12 };
}

/** @param {string} id @param {Point} from @param {Point} to @param {number} lane y @param {boolean} above @returns {EdgeShape} */
function roundAcross(id, from, to, lane, above) {
  // Beside the middle, so that two edges between the same nodes do not touch.
  const x1 = from.x + NODE.width * (above ? 0.6 : 0.4);
  const x2 = to.x + NODE.width * (above ? 0.4 : 0.6);
  const y1 = from.y + (above ? 0 : NODE.height);
  const y2 = to.y + (above ? -3 : NODE.height + 3);
  const [left, right] = [Math.min(x1, x2), Math.max(x1, x2)];
  const bend = Math.min(24, Math.max(1, (right - left) / 2));
  const toRight = x2 >= x1 ? bend : -bend;
  const path =
    `M${x1} ${y1} C${x1} ${lane} ${x1} ${lane} ${x1 + toRight} ${lane} ` +
    `L${x2 - toRight} ${lane} C${x2} ${lane} ${x2} ${lane} ${x2} ${y2}`;
  return { id, path, label: { x: (left + right) / 2, y: lane - 6, angle: 0 }, room: right - left - 16 };
}

/**
 * @param {Graph} graph
 * @param {string[][]} layers
 * @param {number} available
 * @returns {Geometry}
 */
function down(graph, layers, available) {
  const layer = layerOf(layers);
  const beside = graph.edges.filter((edge) => step(layer, edge) !== 1);
  const lanes = beside.length * LANE.down;
  const columns = Math.max(...layers.map((nodes) => nodes.length));
  const inner = Math.max(available - 2 * MARGIN - lanes, columns * NODE.width + (columns - 1) * 12);
  const most = Math.max(0, ...graph.edges.filter((edge) => step(layer, edge) === 1).map(linesOf));
  const gap = Math.max(GAP.down, most * LINE + 22);
  /** @type {Map<string, Point>} */
  const nodes = new Map();
  layers.forEach((names, row) => {
    const pitch = inner / names.length;
    names.forEach((name, column) => {
      const x = MARGIN + pitch * (column + 0.5) - NODE.width / 2;
      nodes.set(name, { x, y: MARGIN + row * (NODE.height + gap) });
    });
  });
  const edges = graph.edges.map((edge) => {
    const from = /** @type {Point} */ (nodes.get(edge.from));
    const to = /** @type {Point} */ (nodes.get(edge.to));
    const lane = beside.indexOf(edge);
    if (lane >= 0) return roundDown(edge.id, from, to, MARGIN + inner + (lane + 1) * LANE.down - 4, lane);
    return straightDown(edge.id, from, to, gap, edge);
  });
  const height = 2 * MARGIN + layers.length * NODE.height + (layers.length - 1) * gap;
  return { width: 2 * MARGIN + inner + lanes, height, nodes, edges, across: false };
}

/**
 * @param {string} id
 * @param {Point} from
 * @param {Point} to
 * @param {number} gap
 * @param {{ routes: unknown[] }} edge
 * @returns {EdgeShape}
 */
function straightDown(id, from, to, gap, edge) {
  const [x1, y1] = [from.x + NODE.width / 2, from.y + NODE.height];
  const [x2, y2] = [to.x + NODE.width / 2, to.y - 3];
  const middle = (y1 + y2) / 2;
  const path = `M${x1} ${y1} C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
  const y = middle + (linesOf(edge) * LINE) / 2 - 4;
  return { id, path, label: { x: (x1 + x2) / 2, y, angle: 0 }, room: Math.max(NODE.width, gap) };
}

/** @param {string} id @param {Point} from @param {Point} to @param {number} lane x @param {number} index @returns {EdgeShape} */
function roundDown(id, from, to, lane, index) {
  const shift = 8 * ((index % 3) - 1);
  const [x1, x2] = [from.x + NODE.width, to.x + NODE.width + 3];
  const [y1, y2] = [from.y + NODE.height * 0.35 + shift, to.y + NODE.height * 0.65 + shift];
  const bend = y2 >= y1 ? 16 : -16;
  const path =
    `M${x1} ${y1} L${lane - 16} ${y1} C${lane} ${y1} ${lane} ${y1} ${lane} ${y1 + bend} ` +
    `L${lane} ${y2 - bend} C${lane} ${y2} ${lane} ${y2} ${lane - 16} ${y2} L${x2} ${y2}`;
  return {
    id,
    path,
    label: { x: lane - 8, y: (y1 + y2) / 2, angle: -90 },
    room: Math.abs(y2 - y1) - 32,
  };
}
