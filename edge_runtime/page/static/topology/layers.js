// @ts-check
/**
 * Layers of a directed graph that may have circles, so that most of it reads in one direction (after Sugiyama, Tagawa and
 * Toda 1981). Pure, and the same for the same graph.
 */

/** @typedef {{ from: string, to: string }} Arrow */

/**
 * @param {readonly string[]} nodes
 * @param {readonly Arrow[]} arrows
 * @param {string | null} last a node that gets the last layer for itself
 * @returns {string[][]} the nodes of each layer, in their order within it
 */
export function layersOf(nodes, arrows, last = null) {
  const forward = withoutCircles(nodes, arrows);
  const layer = longestWays(nodes, forward);
  if (last !== null) {
    const others = nodes.filter((node) => node !== last).map((node) => layer.get(node) ?? 0);
    layer.set(last, others.length ? Math.max(...others) + 1 : 0);
  }
  /** @type {string[][]} */
  const layers = [];
  for (const node of nodes) (layers[layer.get(node) ?? 0] ??= []).push(node);
  // A layer is empty where only the last node stood in it.
  return untangle(layers.filter((names) => names.length > 0), forward);
}

/**
 * The arrows without those that close a circle. Where a circle has no natural beginning, the one that makes the longest
 * chain is taken: a camera before the classifier that sends credits back to it.
 *
 * @param {readonly string[]} nodes
 * @param {readonly Arrow[]} arrows
 * @returns {Arrow[]}
 */
function withoutCircles(nodes, arrows) {
  /** @type {Map<string, Arrow[]>} */
  const leaving = new Map(nodes.map((node) => [node, []]));
  const entered = new Set();
  for (const arrow of arrows) {
    leaving.get(arrow.from)?.push(arrow);
    entered.add(arrow.to);
  }
  /** @type {Set<string>} */
  let done = new Set();
  /** @type {Arrow[]} */
  const forward = [];
  /** @param {string} root */
  const walk = (root) => {
    const found = walkFrom(root, leaving, done);
    done = found.done;
    forward.push(...found.forward);
  };
  for (const node of nodes) if (!entered.has(node)) walk(node);
  for (;;) {
    const open = nodes.filter((node) => !done.has(node));
    if (open.length === 0) return forward;
    const depths = open.map((root) => Math.max(...longestWays(nodes, walkFrom(root, leaving, done).forward).values()));
    walk(/** @type {string} */ (open[depths.indexOf(Math.max(...depths))]));
  }
}

/**
 * @param {string} root
 * @param {Map<string, Arrow[]>} leaving
 * @param {ReadonlySet<string>} before nodes of earlier walks
 */
function walkFrom(root, leaving, before) {
  const done = new Set(before);
  const onTheWay = new Set();
  /** @type {Arrow[]} */
  const forward = [];
  /** @param {string} node */
  const visit = (node) => {
    onTheWay.add(node);
    done.add(node);
    for (const arrow of leaving.get(node) ?? []) {
      if (onTheWay.has(arrow.to)) continue; // it closes a circle
      forward.push(arrow);
      if (!done.has(arrow.to)) visit(arrow.to);
    }
    onTheWay.delete(node);
  };
  visit(root);
  return { forward, done };
}

/**
 * @param {readonly string[]} nodes
 * @param {readonly Arrow[]} forward without circles
 * @returns {Map<string, number>} how many arrows the longest way to each node has
 */
function longestWays(nodes, forward) {
  /** @type {Map<string, string[]>} */
  const sources = new Map();
  for (const { from, to } of forward) sources.set(to, [...(sources.get(to) ?? []), from]);
  /** @type {Map<string, number>} */
  const way = new Map();
  /** @param {string} node @returns {number} */
  const measure = (node) => {
    const known = way.get(node);
    if (known !== undefined) return known;
    const length = Math.max(0, ...(sources.get(node) ?? []).map((source) => measure(source) + 1));
    way.set(node, length);
    return length;
  };
  nodes.forEach(measure);
  return way;
}

/**
 * Each layer in the order of the mean place of its neighbours, some times there and back: fewer crossings.
 *
 * @param {string[][]} layers
 * @param {readonly Arrow[]} arrows
 */
function untangle(layers, arrows) {
  /** @type {Map<string, string[]>} */
  const neighbours = new Map();
  for (const { from, to } of arrows) {
    neighbours.set(from, [...(neighbours.get(from) ?? []), to]);
    neighbours.set(to, [...(neighbours.get(to) ?? []), from]);
  }
  for (let sweep = 0; sweep < 4; sweep += 1) {
    /** @type {Map<string, number>} from 0 to 1 */
    const place = new Map();
    for (const layer of layers) layer.forEach((node, at) => place.set(node, (at + 0.5) / layer.length));
    for (const layer of sweep % 2 ? [...layers].reverse() : layers) {
      /** @type {Map<string, number>} */
      const wish = new Map();
      for (const node of layer) {
        const near = (neighbours.get(node) ?? []).map((one) => place.get(one) ?? 0.5);
        wish.set(node, near.length ? near.reduce((a, b) => a + b, 0) / near.length : (place.get(node) ?? 0.5));
      }
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
      layer.forEach((node, at) => place.set(node, (at + 0.5) / layer.length));
    }
  }
  return layers;
}
