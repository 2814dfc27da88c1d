import assert from "node:assert/strict";
import { test } from "node:test";

import { ENTRIES, EventLog, entryOf, fateOf } from "../../../edge_runtime/page/static/panels/event-log.js";
import { arrivedMessage } from "../../../edge_runtime/page/static/panels/message.js";
import { event, message, prediction, summary, time } from "./messages.mjs";

const ALL = { label: "", kind: "", source: "", text: "" };

function logOf(...messages) {
  const log = new EventLog();
  for (const one of messages) log.add(one);
  return log;
}

test("an event says why it went upstream", () => {
  const end = entryOf(event("e", { type: "end", endReason: "gone" }));
  assert.equal(end.kind, "end");
  assert.equal(end.label, "cat");
  assert.equal(end.source, "results_filter");
  assert.equal(
    end.why,
    "is gone: other results came, 3 frames, 1.5 s, mean 80.0 %, peak 90.0 %, decided by cam.b.1 (net 2)",
  );
  assert.match(entryOf(event("e")).why, /^appeared, 3 frames/);
});

test("other messages say what they can", () => {
  assert.equal(entryOf(summary("s", { accuracy: { n: 4, top1: 0.75 } })).why, "10 predictions, accuracy 75.0 % of 4");
  assert.equal(entryOf(prediction("p")).label, "cat");
  assert.match(entryOf(prediction("p", { abstained: true, reason: "low_margin" })).why, /^abstained \(low_margin\): cat/);
  assert.match(entryOf(prediction("p", { error: { code: "bad", message: "x" } })).why, /^error bad: x/);
  const unknown = entryOf(message({ app: { label: "hot" }, module: null }));
  assert.deepEqual([unknown.kind, unknown.label, unknown.source, unknown.why], ["out", "hot", "edge", ""]);
});

test("live ones and history are joined, each once, the newest first", () => {
  const live = event("e2", {}, { at: 2000 });
  const log = logOf(live);
  const history = [1, 2, 3].map((number) =>
    arrivedMessage({
      id: number,
      enqueuedTime: `2026-01-01T00:00:0${number}.000Z`,
      moduleId: "results_filter",
      output: "events",
      body: { type: "end", label: "dog" },
      properties: { schema: "event/1" },
      systemProperties: { "message-id": `e${number}`, "content-type": "application/json" },
    }),
  );
  assert.equal(log.addHistory(history).length, 2);
  assert.equal(log.addHistory(history).length, 0);
  assert.equal(log.add(event("e3")), null);
  assert.deepEqual(log.entries().map((entry) => entry.message.sys.messageId), ["e3", "e2", "e1"]);
  assert.equal(log.size, 3);
});

const arrivedEvent = (id, ms, messageId) => {
  return arrivedMessage({
    id,
    enqueuedTime: time(ms),
    moduleId: "results_filter",
    output: "events",
    properties: { schema: "event/1" },
    systemProperties: messageId === null ? {} : { "message-id": messageId },
  });
};
const keys = (log) => log.entries().map(({ key }) => key);

test("a number that was used before is another message: neither is left out, both have a key of their own", () => {
  const log = new EventLog();
  log.addHistory([arrivedEvent(1, 0, "1")]);
  assert.ok(log.add(event("1", {}, { at: 60_000 })));
  assert.ok(log.add(event("1", {}, { at: 90_000 })));
  assert.equal(new Set(keys(log)).size, 3);
  assert.equal(log.addHistory([arrivedEvent(3, 90_050, "1"), arrivedEvent(2, 60_050, "1")]).length, 0);
  assert.equal(log.size, 3);
});

test("messages without an id are not listed again when they have arrived", () => {
  const log = new EventLog();
  for (const at of [0, 1000]) log.add(event(undefined, {}, { at, sys: {}, body: "" }));
  assert.equal(log.addHistory([arrivedEvent(2, 1050, null), arrivedEvent(1, 50, null)]).length, 0);
  assert.equal(log.addHistory([arrivedEvent(3, 2050, null)]).length, 1);
  assert.equal(log.size, 3);
});

test("a row has the same key live and from before", () => {
  const [live, before] = [new EventLog(), new EventLog()];
  live.add(event("e1"));
  before.addHistory([arrivedEvent(1, 5, "e1")]);
  assert.deepEqual(keys(live), keys(before));
});

test("what became of each is told: sent, dropped, waiting; not of what another module sent", () => {
  const log = logOf(event("e1", {}, { trace: "t1" }), event("e2", {}, { trace: "t2" }), event("e3", {}, { trace: "t3" }));
  const of = (number, given = {}) => {
    return { trace: `t${number}`, endpoint: "iothub", module: "results_filter", output: "events", messageId: `e${number}`, ...given };
  };
  assert.equal(log.settle(of(1)), true);
  assert.equal(log.settle(of(2, { reason: "ttl_expiry" })), true);
  for (const other of [{ endpoint: "h/in" }, { module: "m" }, { trace: "t9" }]) assert.equal(log.settle(of(3, other)), false);
  const fates = (queued) => log.entries().map((entry) => fateOf(entry, queued)).reverse();
  assert.deepEqual(fates(1), ["sent", "dropped: ttl_expiry", "waiting"]);
  assert.deepEqual(fates(0), ["sent", "dropped: ttl_expiry", ""]);
  log.addHistory([arrivedEvent(9, 500, "e3")]);
  assert.deepEqual(fates(1), ["sent", "dropped: ttl_expiry", "sent"]);
});

test("what has no room is not counted, and the log says that it is full", () => {
  const log = new EventLog();
  for (let index = 0; index < ENTRIES; index += 1) log.add(event(`e${index}`, {}, { at: 10_000 + index }));
  assert.equal(log.full, false);
  assert.deepEqual(log.addHistory([arrivedEvent(1, 5, "old")]), []);
  assert.deepEqual([log.full, log.size], [true, ENTRIES]);
});

test("what an event says cannot turn the lines around it", () => {
  const { kind, label, why } = entryOf(event("e", { type: "\u202ea", label: "\u2066b", endReason: "\u202ec" }));
  assert.doesNotMatch(kind + label + why, /[\u202e\u2066]/);
});

test("large properties take room, and long labels are cut", () => {
  const long = "x".repeat(1024 * 1024);
  const log = new EventLog();
  for (let index = 0; index < 20; index += 1) log.add(event(`e${index}`, {}, { app: { schema: "event/1", long } }));
  assert.equal(log.size, 7);
  const [entry] = logOf(event("e", { label: long, type: long, endReason: long })).entries();
  assert.ok(entry.label.length + entry.kind.length + entry.why.length < 1200);
});

test("filters: label, kind, source, and words that must all be there", () => {
  const log = logOf(
    event("e1", {}, { at: 1 }),
    event("e2", { type: "end", label: "dog", endReason: "stale" }, { at: 2 }),
    message({ module: "heater", app: { schema: "telemetry/1", room: "Kitchen" }, at: 3 }),
  );
  const found = (filter) => log.entries({ ...ALL, ...filter }).map((entry) => entry.label || entry.source);
  assert.deepEqual(found({}), ["heater", "dog", "cat"]);
  assert.deepEqual(found({ label: "dog" }), ["dog"]);
  assert.deepEqual(found({ kind: "start" }), ["cat"]);
  assert.deepEqual(found({ source: "heater" }), ["heater"]);
  assert.deepEqual(found({ text: "kitchen TELEMETRY" }), ["heater"]);
  assert.deepEqual(found({ text: "results no longer" }), []);
  assert.deepEqual(found({ label: "cat", kind: "end" }), []);
  assert.deepEqual(log.choices(), {
    labels: ["cat", "dog"],
    kinds: ["end", "start", "telemetry/1"],
    sources: ["heater", "results_filter"],
  });
});

test("the log is bounded, and forgets what it has forgotten", () => {
  const log = new EventLog();
  for (let index = 0; index < ENTRIES + 20; index += 1) log.add(event(`e${index}`, {}, { at: index }));
  assert.equal(log.entries().length, ENTRIES);
  assert.equal(log.size, ENTRIES);
  const large = "x".repeat(1024 * 1024);
  for (let index = 0; index < 20; index += 1) log.add(message({ body: large, at: 10_000 + index, sys: { messageId: `l${index}` } }));
  assert.equal(log.entries().length, 7);
  assert.equal(log.size, 7);
});
