// @ts-check
/** A snapshot as a graph: what is a node, what is an edge, and how each of them is. Pure. */

/**
 * @typedef {import("../wire").Snapshot} Snapshot
 * @typedef {import("../wire").RouteState} RouteState
 * @typedef {import("../wire").ModuleState} ModuleState
 */

/** @typedef {"good" | "busy" | "bad" | "off"} Health busy: on its way to good, or waiting */

/**
 * @typedef {object} Node
 * @property {string} id
 * @property {"module" | "upstream" | "source"} kind source: messages of no module in particular
 * @property {string} title
 * @property {ModuleState | null} module
 * @property {number} queued messages that wait for it
 */

/**
 * @typedef {object} Edge one or more routes from one node to another
 * @property {string} id
 * @property {string} from
 * @property {string} to
 * @property {RouteState[]} routes
 * @property {number} rate messages a second
 */

/** @typedef {{ nodes: Node[], edges: Edge[] }} Graph */

export const UPSTREAM = "upstream";
const IOT_HUB = "iothub";
/** Nobody shall take it for Azure's. */
const IOT_HUB_TITLE = "IoT Hub (local)";

/** @param {string} endpoint `module/input` or `iothub` */
function nodeOf(endpoint) {
  return endpoint === IOT_HUB ? UPSTREAM : `module ${endpoint.split("/")[0]}`;
}

/** @param {Snapshot} snapshot @returns {Graph} */
export function graphOf(snapshot) {
  /** @type {Map<string, Node>} */
  const nodes = new Map();
  for (const [name, module] of Object.entries(snapshot.modules)) {
    if (!module.system) nodes.set(`module ${name}`, { id: `module ${name}`, kind: "module", title: name, module, queued: 0 });
  }
  /** @type {Map<string, Edge>} */
  const edges = new Map();
  for (const route of snapshot.routes) {
    const from = route.from ? `module ${route.from.module}` : `source ${route.source}`;
    const to = nodeOf(route.to);
    if (!nodes.has(from)) nodes.set(from, stranger(from, route.from?.module ?? route.source));
    if (to !== UPSTREAM && !nodes.has(to)) nodes.set(to, stranger(to, to.slice("module ".length)));
    const id = `${from} > ${to}`;
    const edge = edges.get(id) ?? { id, from, to, routes: [], rate: 0 };
    edge.routes.push(route);
    edge.rate += route.rate;
    edges.set(id, edge);
  }
  nodes.set(UPSTREAM, { id: UPSTREAM, kind: "upstream", title: IOT_HUB_TITLE, module: null, queued: 0 });
  for (const { endpoint, queued } of snapshot.endpoints) {
    const node = nodes.get(nodeOf(endpoint));
    if (node) node.queued += queued;
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

/** A route may name a module that the deployment does not have. @param {string} id @param {string} title @returns {Node} */
function stranger(id, title) {
  return { id, kind: "source", title, module: null, queued: 0 };
}

/** What makes the drawing another one: figures alone move nothing. @param {Graph} graph @returns {string} */
export function shapeOf(graph) {
  return JSON.stringify([graph.nodes.map((n) => n.id), graph.edges.map((e) => [e.id, e.routes.map((r) => r.name)])]);
}

/** @param {ModuleState} module @returns {{ health: Health, text: string }} */
export function healthOf(module) {
  const { status, connected, desiredStatus } = module;
  if (status === "running") {
    // edgeHub and edgeAgent are no clients of the hub.
    return connected || module.system ? { health: "good", text: status } : { health: "busy", text: "running, not connected" };
  }
  // One that is started by hand: the agent knows nothing of it.
  if (status === "unknown") return connected ? { health: "good", text: "connected" } : { health: "busy", text: "not connected" };
  if (status === "stopped" && desiredStatus === "stopped") return { health: "off", text: "stopped" };
  const code = module.exitCode === null ? "" : `, exit ${module.exitCode}`;
  return { health: "bad", text: `${status}${code}` };
}

/** @param {Snapshot} snapshot @param {string} name of one of its modules @returns {{ health: Health, text: string }} */
export function healthIn(snapshot, name) {
  const module = snapshot.modules[name];
  if (!module) return { health: "off", text: "gone" };
  return name === "edgeHub" && snapshot.hub === "down" ? { health: "bad", text: "down" } : healthOf(module);
}

/** @param {Snapshot} snapshot @returns {{ health: Health, text: string }} */
export function upstreamHealth({ upstream, hub }) {
  // It may be as well as ever.
  if (hub === "down") return { health: "off", text: "not known, hub is down" };
  if (upstream.switchedOff) return { health: "bad", text: "switched off" };
  // The hub has not tried yet.
  if (!upstream.connected && upstream.delivered === 0 && upstream.queued === 0) return { health: "off", text: "nothing sent yet" };
  return upstream.connected ? { health: "good", text: "connected" } : { health: "bad", text: "out of reach" };
}

/**
 * The queue that a route's messages wait in: routes to one endpoint with one priority share it.
 *
 * @param {Snapshot} snapshot
 * @param {RouteState} route
 * @returns {{ length: number, of: string }} of: the name of the first route that shares it, beside which its length is told
 */
export function queueOf(snapshot, route) {
  const first = snapshot.routes.find((one) => one.to === route.to && one.priority === route.priority);
  const endpoint = snapshot.endpoints.find((one) => one.endpoint === route.to);
  return { length: endpoint?.byPriority.find((one) => one.priority === route.priority)?.length ?? 0, of: (first ?? route).name };
}

/** What has not arrived upstream: what waits as the routes' figures have it, and what is sent and not confirmed. @param {Snapshot} snapshot */
export function upstreamWaiting({ upstream, endpoints }) {
  const queued = endpoints.find((one) => one.endpoint === IOT_HUB)?.queued ?? upstream.queued;
  return { queued, underWay: Math.max(0, upstream.queued - queued) };
}

/** @param {Snapshot} snapshot @param {RouteState} route @returns {import("../wire").Drop[]} */
export function dropsOf(snapshot, route) {
  return snapshot.dropped.filter((drop) => drop.route === route.name);
}
