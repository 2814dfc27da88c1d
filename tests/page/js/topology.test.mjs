import assert from "node:assert/strict";
import { test } from "node:test";

import { LINE, NODE, linesOf, place } from "../../../edge_runtime/page/static/topology/geometry.js";
import { graphOf, healthOf, queuedOf, shapeOf, upstreamHealth } from "../../../edge_runtime/page/static/topology/graph.js";
import { layersOf } from "../../../edge_runtime/page/static/topology/layers.js";

const module = (values = {}) => ({
  ...{ status: "running", description: null, connected: true, restartCount: 0, exitCode: null, startedAt: null },
  ...{ cpuPercent: 1, memoryBytes: 1, desiredStatus: "running", system: false, ...values },
});
const route = (name, from, to, values = {}) => ({
  ...{ name, text: `FROM ${from} INTO ${to}`, priority: 0, timeToLiveSecs: 60, matched: 1, rate: 1, source: "/messages/*" },
  ...{ from: from && { module: from, output: "out" }, to, ...values },
});
const snapshot = (modules, routes, endpoints = []) => ({
  ...{ at: "", device: "edge", instance: "i", hub: "up", dropped: [], store: null, stored: 0, rate: 0 },
  ...{ upstream: { connected: true, switchedOff: false, queued: 0, delivered: 0, rate: 0 } },
  ...{ modules: Object.fromEntries(modules.map((name) => [name, module()])), routes, endpoints },
});
const VISION = snapshot(
  ["camera", "classifier", "results_filter"],
  [
    route("credits", "classifier", "camera/credits"),
    route("frames", "camera", "classifier/frames", { priority: 2 }),
    route("predictions", "classifier", "results_filter/predictions"),
    route("eventsUpstream", "results_filter", "iothub"),
    route("summariesUpstream", "results_filter", "iothub", { priority: 9 }),
  ],
  [{ endpoint: "classifier/frames", queued: 7, byPriority: [{ priority: 2, length: 7 }], delivered: 1, rate: 1 }],
);

test("a circle of two modules begins with the one that makes the longest chain", () => {
  const { nodes, edges } = graphOf(VISION);
  const names = nodes.map((node) => node.id);
  const chain = [["module camera"], ["module classifier"], ["module results_filter"], ["upstream"]];
  assert.deepEqual(layersOf(names, edges, "upstream"), chain);
  assert.deepEqual(layersOf([...names].reverse(), edges, "upstream"), chain);
});

const GRAPHS = {
  "nothing at all": [[], [], []],
  "a node alone": [["a"], [], [["a"]]],
  "a diamond": [["a", "b", "c", "d"], ["ab", "ac", "bd", "cd"], [["a"], ["b", "c"], ["d"]]],
  "a way that is longer than another": [["a", "b", "c"], ["ab", "bc", "ac"], [["a"], ["b"], ["c"]]],
  "a loop of one": [["a", "b"], ["aa", "ab"], [["a"], ["b"]]],
  "a circle of three with an entry": [["a", "b", "c", "e"], ["ab", "bc", "ca", "eb"], [["e"], ["b"], ["c"], ["a"]]],
};
for (const [name, [nodes, arrows, expected]] of Object.entries(GRAPHS)) {
  test(`layers of ${name}`, () => {
    assert.deepEqual(layersOf(nodes, arrows.map(([from, to]) => ({ from, to }))), expected);
  });
}

test("what crosses is untangled", () => {
  const arrows = [["a", "z"], ["b", "y"]].map(([from, to]) => ({ from, to }));
  const [first, second] = layersOf(["a", "b", "y", "z"], arrows);
  assert.equal(first.indexOf("a"), second.indexOf("z"));
  assert.equal(first.indexOf("b"), second.indexOf("y"));
});

test("any graph has all of its nodes in layers, and most of its arrows go on", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const nodes = Array.from({ length: 1 + (seed % 17) }, (_, i) => `n${i}`);
    const arrows = Array.from({ length: (seed * 7) % 31 }, (_, i) => ({
      from: nodes[(i * seed * 13 + 5) % nodes.length],
      to: nodes[(i * i + seed) % nodes.length],
    }));
    const layers = layersOf(nodes, arrows, "n0");
    assert.deepEqual(layers.flat().sort(), [...nodes].sort());
    assert.deepEqual(layers.at(-1), ["n0"]);
    assert.ok(layers.every((layer) => layer.length > 0));
  }
});

test("messages of no module, and modules that are not there, have a node as well", () => {
  const found = graphOf(snapshot(["a"], [route("any", null, "iothub"), route("lost", "a", "gone/in")]));
  assert.deepEqual(found.nodes.map((node) => [node.kind, node.title]), [
    ["module", "a"], ["source", "/messages/*"], ["source", "gone"], ["upstream", "IoT Hub"],
  ]);
});

test("system modules have no node; routes between the same two are one edge; queues belong to the receiver", () => {
  const { nodes, edges } = graphOf({ ...VISION, modules: { ...VISION.modules, edgeHub: module({ system: true }) } });
  assert.ok(!nodes.some((node) => node.title === "edgeHub"));
  assert.deepEqual(edges.map((edge) => edge.routes.length), [1, 1, 1, 2]);
  assert.deepEqual(edges.map((edge) => edge.rate), [1, 1, 1, 2]);
  assert.equal(nodes.find((node) => node.title === "classifier").queued, 7);
  assert.equal(queuedOf(VISION, VISION.routes[1]), 7);
  assert.equal(queuedOf(VISION, VISION.routes[0]), 0);
  assert.equal(queuedOf(VISION, { ...VISION.routes[1], priority: 5 }), 0);
});

test("figures alone do not make another shape", () => {
  const other = snapshot(["camera", "classifier", "results_filter"], VISION.routes.map((one) => ({ ...one, rate: 9 })));
  assert.equal(shapeOf(graphOf(VISION)), shapeOf(graphOf(other)));
  assert.notEqual(shapeOf(graphOf(VISION)), shapeOf(graphOf(snapshot(["camera"], []))));
});

const HEALTH = [
  [{}, "good", "running"],
  [{ connected: false }, "busy", "running, not connected"],
  [{ connected: false, system: true }, "good", "running"],
  [{ status: "backoff", exitCode: 137, connected: false }, "bad", "backoff, exit 137"],
  [{ status: "stopped", desiredStatus: "stopped" }, "off", "stopped"],
  [{ status: "stopped", exitCode: 0 }, "bad", "stopped, exit 0"],
  [{ status: "unknown" }, "good", "connected"],
  [{ status: "unknown", connected: false }, "busy", "not connected"],
];
for (const [values, health, text] of HEALTH) {
  test(`health of ${JSON.stringify(values)}`, () => assert.deepEqual(healthOf(module(values)), { health, text }));
}

test("health of the upstream", () => {
  const of = (values) => upstreamHealth({ ...VISION, upstream: { ...VISION.upstream, ...values } }).text;
  assert.equal(of({}), "connected");
  assert.equal(of({ connected: false }), "nothing sent yet");
  assert.equal(of({ connected: false, queued: 1 }), "out of reach");
  assert.equal(of({ connected: false, delivered: 1 }), "out of reach");
  assert.equal(of({ connected: false, switchedOff: true }), "switched off");
});

for (const width of [1400, 1100, 328]) {
  test(`at ${width} pixels nothing overlaps and nothing leaves the picture`, () => {
    const graph = graphOf(VISION);
    const layers = layersOf(graph.nodes.map((node) => node.id), graph.edges, "upstream");
    const { nodes, edges, width: across, height, across: sideways } = place(graph, layers, width);
    assert.equal(sideways, width === 1400);
    assert.ok(across <= width + 1);
    const boxes = [...nodes.values()];
    for (const [i, a] of boxes.entries()) {
      assert.ok(a.x >= 0 && a.y >= 0 && a.x + NODE.width <= across && a.y + NODE.height <= height);
      for (const b of boxes.slice(i + 1)) {
        assert.ok(Math.abs(a.x - b.x) >= NODE.width || Math.abs(a.y - b.y) >= NODE.height);
      }
    }
    assert.equal(edges.length, graph.edges.length);
    for (const [i, { path, label }] of edges.entries()) {
      const numbers = path.match(/-?[\d.]+/g).map(Number);
      assert.ok(numbers.every((number) => Number.isFinite(number) && number >= 0 && number <= Math.max(across, height)));
      if (label.angle === 0) assert.ok(label.y >= linesOf(graph.edges[i]) * LINE);
      assert.ok(label.x >= 0 && label.x <= across && label.y >= 0 && label.y <= height);
    }
  });
}
