import assert from "node:assert/strict";
import { test } from "node:test";

import { timeline } from "../../../edge_runtime/page/static/panels/hops.js";
import { event, frame, message, prediction, time } from "./messages.mjs";

const SENDERS = {
  "classifier/frames": { module: "camera", output: "frames" },
  "results_filter/predictions": { module: "classifier", output: "predictions" },
  iothub: { module: "results_filter", output: "events" },
};
const delivered = (endpoint, messageId, at, redelivery = false) => {
  return { endpoint, ...SENDERS[endpoint], messageId, at: time(at), redelivery };
};

test("from capture to upstream", () => {
  const messages = [
    event("e", {}, { trace: "a", at: 36 }),
    frame("a", { at: 10 }),
    prediction("a", {}, { at: 30 }),
  ];
  const found = timeline(messages, [
    delivered("classifier/frames", "cam.b.a", 14),
    delivered("results_filter/predictions", "cam.b.a.p.0", 33),
    delivered("iothub", "e", 50),
    delivered("iothub", "another", 99),
  ]);
  assert.equal(found.totalMs, 50);
  assert.deepEqual(found.hops.map(({ where, name, from, to }) => [where, name, from, to]), [
    ["module", "camera/frames", 0, 10],
    ["hub", "hub → classifier/frames", 10, 14],
    ["module", "classifier/predictions", 14, 30],
    ["hub", "hub → results_filter/predictions", 30, 33],
    ["module", "results_filter/events", 33, 36],
    ["hub", "hub → iothub", 36, 50],
  ]);
  assert.equal(found.hops[2].note, "queue 1.0 ms, decode 0.5 ms, infer 4.0 ms");
});

test("a module that got nothing by this hub begins when the message before was stored", () => {
  const found = timeline([frame("a", { at: 10 }), prediction("a", {}, { at: 30 })], []);
  assert.deepEqual(found.hops.map(({ from, to }) => [from, to]), [[0, 10], [10, 30]]);
});

test("a clock that is ahead is told, and nothing ends before it begins", () => {
  const [hop] = timeline([frame("a", { at: 10, capturedAt: time(900) })], []).hops;
  assert.deepEqual([hop.from, hop.to, hop.note], [0, 0, "its clock is ahead of the hub's"]);
});

test("what comes to a module later did not make it answer", () => {
  const deliveries = [14, 40].map((at) => delivered("classifier/frames", "cam.b.a", at, at > 14));
  const found = timeline([frame("a"), prediction("a")], deliveries);
  const hop = found.hops.find(({ name }) => name === "classifier/predictions");
  assert.deepEqual([hop.from, hop.to], [14, 30]);
});

test("a second delivery is marked", () => {
  const found = timeline([frame("a")], [delivered("classifier/frames", "cam.b.a", 20, true)]);
  assert.equal(found.hops[1].note, "delivered again");
});

test("messages of one id have a delivery each, and one of another module has its own", () => {
  const one = (given) => message({ app: { capturedAt: time(0) }, sys: { messageId: "1" }, ...given });
  const messages = [one({ at: 10 }), one({ at: 20 }), one({ at: 30, module: "other" }), one({ at: 40, sys: {} })];
  const to = (at, given) => ({ endpoint: "iothub", module: "m", output: "out", messageId: "1", at: time(at), redelivery: false, ...given });
  const found = timeline(messages, [to(50), to(60), to(70, { module: "other" }), to(80, { messageId: null })]);
  const hops = found.hops.filter(({ where }) => where === "hub").map(({ from, to: end }) => [from, end]);
  assert.deepEqual(hops, [[10, 50], [20, 60], [30, 70], [40, 80]]);
});

test("a message without times has no timeline", () => {
  assert.equal(timeline([], []), null);
  assert.equal(timeline([message({ at: 5 })], []), null);
});
