import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMITS, State } from "../../../edge_runtime/page/static/state.js";

const hello = (instance) => ({ version: 1, device: "edge", instance, sampling: {} });
const message = (number, trace, body = "x") => ({ number, trace, sys: { messageId: `m${number}` }, app: {}, body });

test("messages of a trace are kept together, with what became of them", () => {
  const state = new State();
  state.take("message", message(1, "a"));
  state.take("message", message(2, "b"));
  state.take("message", message(3, "a"));
  state.take("delivered", { endpoint: "iothub", messageId: "m3", redelivery: false });
  state.take("dropped", { reason: "ttl_expiry", messageId: "m1" });
  state.take("delivered", { endpoint: "iothub", messageId: "never seen", redelivery: false });
  state.take("delivered", { endpoint: "iothub", messageId: null, redelivery: false });
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
  state.take("delivered", { endpoint: "iothub", messageId: "m4", redelivery: false });
  assert.equal(state.trace("t4"), undefined);
});

test("the oldest traces go when their bodies are too large, the newest stays", () => {
  const state = new State();
  const body = "x".repeat(LIMITS.bodies / 4 + 1);
  for (let i = 0; i < 5; i += 1) state.take("message", message(i, `t${i}`, body));
  assert.deepEqual(state.traces().map((one) => one.trace), ["t4", "t3", "t2"]);
  state.take("message", message(5, "t5", "x".repeat(LIMITS.bodies + 1)));
  assert.deepEqual(state.traces().map((one) => one.trace), ["t5"]);
});

test("a trace that never ends does not grow", () => {
  const state = new State();
  for (let i = 0; i < 1000; i += 1) {
    state.take("message", message(i, "one"));
    state.take("delivered", { endpoint: "iothub", messageId: "m0", redelivery: true });
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
