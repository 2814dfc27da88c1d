import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMITS, State } from "../../../edge_runtime/page/static/state.js";

const hello = (instance) => ({ version: 1, device: "edge", instance, sampling: {} });
const message = (number, trace, body = "x", given = {}) => {
  return { number, trace, module: "m", output: "o", sys: { messageId: `m${number}` }, app: {}, body, ...given };
};
const ids = (state) => state.messages().map((one) => one.sys.messageId);

test("messages of a trace are kept together, with what became of them", () => {
  const state = new State();
  state.take("message", message(1, "a"));
  state.take("message", message(2, "b"));
  state.take("message", message(3, "a"));
  state.take("delivered", { trace: "a", endpoint: "iothub", messageId: "m3", redelivery: false });
  state.take("dropped", { trace: "a", reason: "ttl_expiry", messageId: "m1" });
  state.take("delivered", { trace: "never seen", endpoint: "iothub", messageId: "m3", redelivery: false });
  state.take("dropped", { trace: null, reason: "too_large", messageId: null });
  const trace = state.trace("a");
  assert.deepEqual(trace.messages.map((one) => one.number), [1, 3]);
  assert.deepEqual(trace.delivered.map((one) => one.messageId), ["m3"]);
  assert.deepEqual(trace.dropped.map((one) => one.reason), ["ttl_expiry"]);
  assert.deepEqual(state.traces().map((one) => one.trace), ["b", "a"]);
  assert.deepEqual(state.messages().map((one) => one.number), [3, 2, 1]);
});

test("the oldest traces go when there are too many", () => {
  const state = new State();
  for (let i = 0; i < LIMITS.traces + 5; i += 1) state.take("message", message(i, `t${i}`));
  assert.equal(state.traces().length, LIMITS.traces);
  assert.equal(state.trace("t4"), undefined);
  assert.ok(state.trace("t5"));
  state.take("delivered", { trace: "t4", endpoint: "iothub", messageId: "m4", redelivery: false });
  assert.equal(state.trace("t4"), undefined);
});

test("the oldest traces go when their bodies are too large, the newest stays", () => {
  const state = new State();
  const body = "x".repeat(LIMITS.characters / 4 + 1);
  for (let i = 0; i < 5; i += 1) state.take("message", message(i, `t${i}`, body));
  assert.deepEqual(state.traces().map((one) => one.trace), ["t4", "t3", "t2"]);
  state.take("message", message(5, "t5", "x".repeat(LIMITS.characters + 1)));
  assert.deepEqual(state.traces().map((one) => one.trace), ["t5"]);
});

test("a trace that never ends does not grow", () => {
  const state = new State();
  for (let i = 0; i < 1000; i += 1) {
    state.take("message", message(i, "one"));
    state.take("delivered", { trace: "one", endpoint: "iothub", messageId: "m0", redelivery: true });
  }
  assert.equal(state.trace("one").messages.length, LIMITS.messagesOfATrace);
  assert.equal(state.trace("one").delivered.length, LIMITS.outcomesOfATrace);
});

test("another run of the hub begins anew, the same one does not", () => {
  const state = new State();
  state.take("hello", hello("one"));
  state.take("message", message(1, "a"));
  state.take("hello", hello("one"));
  assert.ok(state.trace("a"));
  state.take("hello", hello("two"));
  assert.equal(state.trace("a"), undefined);
});

test("after a reconnect the newest are the newest, though the server counts from 1 again", () => {
  const state = new State();
  state.take("hello", hello("one"));
  for (const number of [5001, 5002]) state.take("message", message(number, `t${number}`));
  state.take("hello", hello("one"));
  for (const number of [1, 2]) state.take("message", message(number, `t${number}`));
  assert.deepEqual(ids(state), ["m2", "m1", "m5002", "m5001"]);
  for (const number of [3, 5001]) state.take("message", message(number, `again${number}`));
  assert.equal(new Set(state.messages().map((one) => one.number)).size, 6);
});

test("two modules that number their messages alike keep their own deliveries, also those without a number", () => {
  const state = new State();
  state.take("message", message(1, "a"));
  state.take("message", message(1, "b", "x", { module: "other" }));
  state.take("message", message(2, "c", "x", { sys: {} }));
  state.take("delivered", { trace: "a", endpoint: "iothub", module: "m", output: "o", messageId: "m1" });
  state.take("delivered", { trace: "c", endpoint: "iothub", module: "m", output: "o", messageId: null });
  assert.deepEqual(["a", "b", "c"].map((trace) => state.trace(trace).delivered.length), [1, 0, 1]);
});

test("a property called as an object's own is a name like any other", () => {
  const state = new State();
  state.take("message", message(1, "a", "x", { app: JSON.parse('{"__proto__": "x", "b": "y"}') }));
  const [taken] = state.messages();
  assert.deepEqual(Object.keys(taken.app), ["__proto__", "b"]);
  assert.equal(taken.app["__proto__"], "x");
  assert.deepEqual([taken.app.constructor, taken.app.toString, taken.sys.valueOf], [undefined, undefined, undefined]);
});

test("large properties count as large bodies do", () => {
  const state = new State();
  const app = { large: "x".repeat(LIMITS.characters / 4 + 1) };
  for (let i = 0; i < 5; i += 1) state.take("message", message(i, `t${i}`, "", { app }));
  assert.equal(state.traces().length, 3);
});

test("what was missed is told: after a gap, a lost connection, another run of the hub, not at the start", () => {
  const state = new State();
  const missed = [];
  state.on("missed", ({ why }) => missed.push(why));
  state.take("hello", hello("one"));
  state.take("snapshot", { instance: "one" });
  assert.deepEqual(missed, []);
  state.take("gap", { missed: 5 });
  state.take("hello", hello("one"));
  state.take("message", message(1, "a"));
  state.take("snapshot", { instance: "two" });
  assert.equal(state.trace("a"), undefined);
  state.take("snapshot", { instance: "two" });
  assert.deepEqual(missed, ["gap", "connection", "hub"]);
});

test("a listener that fails takes nothing from the others", (context) => {
  const logged = context.mock.method(console, "error", () => {});
  const state = new State();
  const heard = [];
  state.on("gap", () => { throw new Error("broken"); });
  state.on("gap", (gap) => heard.push(gap.missed));
  state.take("gap", { missed: 3 });
  assert.deepEqual(heard, [3]);
  assert.match(String(logged.mock.calls[0].arguments), /gap.*broken/);
});

test("listeners hear what they asked for, until they end it", () => {
  const state = new State();
  const heard = [];
  const off = state.on("gap", (gap) => heard.push(gap.missed));
  state.take("gap", { missed: 3 });
  state.take("connected", { at: "", module: "camera" });
  off();
  state.take("gap", { missed: 4 });
  assert.deepEqual(heard, [3]);
  assert.equal(state.missed, 7);
});
