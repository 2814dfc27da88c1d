import assert from "node:assert/strict";
import { test } from "node:test";

import { arrivedMessage } from "../../../edge_runtime/page/static/panels/message.js";
import { recall, remember } from "../../../edge_runtime/page/static/panels/recall.js";
import { State } from "../../../edge_runtime/page/static/state.js";
import { frame, message, prediction, time } from "./messages.mjs";

test("what several keep of a trace is one list in the order of time", () => {
  const state = new State();
  const [first, second] = [frame("a", { at: 1 }), prediction("a", {}, { at: 2 })];
  state.take("message", second);
  const end = remember(state, (trace) => ({ messages: [first, second].filter((one) => one.trace === trace) }));
  assert.deepEqual(recall(state, "a").messages, [first, second]);
  assert.deepEqual(recall(state, "b"), { messages: [], delivered: [], dropped: [] });
  assert.deepEqual(recall(new State(), "a").messages, []);
  end();
  assert.deepEqual(recall(state, "a").messages, [second]);
});

test("a live message is preferred to the same one from upstream", () => {
  const state = new State();
  const live = message({ module: "f", output: "events", sys: { messageId: "e1" }, trace: "e1" });
  const arrived = arrivedMessage({ id: 1, moduleId: "f", output: "events", systemProperties: { "message-id": "e1" } });
  remember(state, () => ({ messages: [arrived] }));
  assert.deepEqual(recall(state, "e1").messages, [arrived]);
  remember(state, () => ({ messages: [live] }));
  assert.deepEqual(recall(state, "e1").messages, [live]);
});

test("two messages of one name are two, and each of them arrived once", () => {
  const state = new State();
  const named = (given) => message({ module: "f", output: "o", sys: { messageId: "1" }, trace: "t", ...given });
  const [first, second] = [named({ at: 10 }), named({ at: 20 })];
  state.take("message", first);
  state.take("message", second);
  assert.deepEqual(recall(state, "t").messages, [first, second]);
  const arrived = [5, 30, 31, 32].map((ms, id) => {
    return arrivedMessage({ id, enqueuedTime: time(ms - 1000 * Number(id === 0)), moduleId: "f", output: "o", systemProperties: { "message-id": "1" } });
  });
  remember(state, () => ({ messages: arrived }));
  assert.deepEqual(recall(state, "t").messages, [arrived[0], first, second, arrived[3]]);
});

test("what became of it is kept as well, each once", () => {
  const state = new State();
  state.take("message", prediction("a"));
  const delivered = { at: "t", trace: "a", endpoint: "results_filter/predictions", messageId: "cam.b.a.p.0", redelivery: false };
  const dropped = { at: "t", trace: "a", reason: "ttl_expiry", module: "m", output: "o", messageId: "cam.b.a.p.0" };
  state.take("delivered", delivered);
  state.take("dropped", dropped);
  remember(state, () => ({ delivered: [delivered] }));
  assert.deepEqual(recall(state, "a").delivered, [delivered]);
  assert.deepEqual(recall(state, "a").dropped, [dropped]);
});
