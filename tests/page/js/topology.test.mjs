import assert from "node:assert/strict";
import { test } from "node:test";

import { LINE, NODE, linesOf, place } from "../../../edge_runtime/page/static/topology/geometry.js";
import { flowOf } from "../../../edge_runtime/page/static/topology/flow.js";
import { graphOf, healthIn, healthOf, queueOf, shapeOf, upstreamHealth, upstreamWaiting } from "../../../edge_runtime/page/static/topology/graph.js";
import { layersOf } from "../../../edge_runtime/page/static/topology/layers.js";
import { SwitchState } from "../../../edge_runtime/page/static/topology/switch-state.js";
import { dropRows, moduleRows, routeRows } from "../../../edge_runtime/page/static/topology/tables.js";

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
    ["module", "a"], ["source", "/messages/*"], ["source", "gone"], ["upstream", "IoT Hub (local)"],
  ]);
});

test("system modules have no node; routes between the same two are one edge; queues belong to the receiver", () => {
  const { nodes, edges } = graphOf({ ...VISION, modules: { ...VISION.modules, edgeHub: module({ system: true }) } });
  assert.ok(!nodes.some((node) => node.title === "edgeHub"));
  assert.deepEqual(edges.map((edge) => edge.routes.length), [1, 1, 1, 2]);
  assert.deepEqual(edges.map((edge) => edge.rate), [1, 1, 1, 2]);
  assert.equal(nodes.find((node) => node.title === "classifier").queued, 7);
  assert.deepEqual(queueOf(VISION, VISION.routes[1]), { length: 7, of: "frames" });
  assert.deepEqual(queueOf(VISION, VISION.routes[0]), { length: 0, of: "credits" });
  assert.deepEqual(queueOf(VISION, { ...VISION.routes[1], priority: 5 }), { length: 0, of: "frames" });
});

const QUEUES = snapshot(
  ["camera"],
  ["one", "two"].map((name) => route(name, "camera", "iothub")).concat(route("urgent", "camera", "iothub", { priority: 9 })),
  [{ endpoint: "iothub", queued: 5, byPriority: [{ priority: 0, length: 4 }, { priority: 9, length: 1 }], delivered: 0, rate: 0 }],
);

test("a queue that routes share is told once", () => {
  assert.deepEqual(QUEUES.routes.map((one) => queueOf(QUEUES, one)), [
    { length: 4, of: "one" }, { length: 4, of: "one" }, { length: 1, of: "urgent" },
  ]);
  assert.deepEqual(routeRows(QUEUES).map(({ cells }) => cells[4]), ["4", "with those of one", "1"]);
});

test("what is under way upstream is told beside what waits, and adds up with it", () => {
  const upstream = { ...QUEUES.upstream, queued: 7 };
  assert.deepEqual(upstreamWaiting({ ...QUEUES, upstream }), { queued: 5, underWay: 2 });
  assert.deepEqual(upstreamWaiting({ ...QUEUES, upstream, endpoints: [] }), { queued: 7, underWay: 0 });
});

test("rows keep their keys while figures change; drops stand with the most first, those of none not at all", () => {
  const drop = (reason, count, values) => ({ reason, count, module: "camera", output: "frames", endpoint: null, route: null, ...values });
  const before = { ...QUEUES, dropped: [drop("full", 1), drop("expired", 5, { route: "one" }), drop("never", 0)] };
  const after = { ...before, dropped: before.dropped.map((one) => ({ ...one, count: one.count * 2 })) };
  assert.deepEqual(dropRows(before).map(({ cells }) => cells), [["expired", "camera/frames", "one", "5"], ["full", "camera/frames", "–", "1"]]);
  for (const rows of [dropRows, moduleRows, routeRows]) {
    assert.deepEqual(rows(after).map(({ key }) => key), rows(before).map(({ key }) => key));
    assert.equal(new Set(rows(before).map(({ key }) => key)).size, rows(before).length);
  }
  assert.equal(routeRows(before)[0].cells[5], "expired: 5");
});

test("a switch is believed until snapshots from before it can no longer come", () => {
  const state = new SwitchState();
  state.changed(true);
  state.seen(false);
  state.seen(false);
  assert.ok(state.off, "two may be old");
  state.seen(false);
  assert.ok(!state.off, "somebody else has switched it back");
  state.changed(true);
  state.seen(true);
  state.seen(false);
  assert.ok(!state.off, "one that knew of the change was there");
});

test("the way of the messages in one line, without what has no part in it", () => {
  assert.equal(flowOf(graphOf(VISION)), "camera → classifier → results_filter → IoT Hub (local)");
  const beside = snapshot(["a", "b", "alone"], [route("x", "a", "iothub"), route("y", "b", "iothub")]);
  assert.equal(flowOf(graphOf(beside)), "a, b → IoT Hub (local)");
  assert.equal(flowOf(graphOf(snapshot(["a", "b"], [route("x", "a", "b/in")]))), "a → b");
  assert.equal(flowOf(graphOf(snapshot(["a"], []))), "");
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

test("a hub that is down is told as such, and says nothing of what is behind it", () => {
  const down = { ...VISION, hub: "down", modules: { edgeHub: module({ system: true }), camera: module() } };
  assert.deepEqual(healthIn(down, "edgeHub"), { health: "bad", text: "down" });
  assert.deepEqual(healthIn({ ...down, hub: "up" }, "edgeHub"), { health: "good", text: "running" });
  assert.deepEqual(healthIn(down, "camera"), { health: "good", text: "running" });
  assert.equal(upstreamHealth({ ...down, upstream: { ...down.upstream, connected: false, delivered: 5 } }).health, "off");
});

test("health of the upstream", () => {
  const of = (values) => upstreamHealth({ ...VISION, upstream: { ...VISION.upstream, ...values } }).text;
  assert.equal(of({}), "connected");
  assert.equal(of({ connected: false }), "nothing sent yet");
  assert.equal(of({ connected: false, queued: 1 }), "out of reach");
  assert.equal(of({ connected: false, delivered: 1 }), "out of reach");
  assert.equal(of({ connected: false, switchedOff: true }), "switched off");
});

const SIBLINGS = snapshot(
  ["camera", "one", "two", "three", "four", "five"],
  ["one", "two", "three", "four", "five"].flatMap((name) => [
    route(`to ${name}`, "camera", `${name}/frames`), route(`from ${name}`, name, "iothub"), route(`back from ${name}`, name, "camera/credits"),
  ]),
);
/** What, how wide a place, whether drawn from left to right, whether it fits. */
const PLACES = [
  ["a chain", VISION, 1400, true, true],
  ["a chain", VISION, 1100, false, true],
  ["a chain", VISION, 328, false, true],
  ["siblings", SIBLINGS, 1400, true, true],
  ["siblings", SIBLINGS, 328, false, false],
];
for (const [name, drawn, width, sidewaysExpected, fits] of PLACES) {
  test(`${name} at ${width} pixels: nothing overlaps and nothing leaves the picture`, () => {
    const graph = graphOf(drawn);
    const layers = layersOf(graph.nodes.map((node) => node.id), graph.edges, "upstream");
    const { nodes, edges, width: across, height, across: sideways } = place(graph, layers, width);
    assert.equal(sideways, sidewaysExpected);
    assert.equal(across <= width + 1, fits, `${across} pixels`);
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
