import assert from "node:assert/strict";
import { test } from "node:test";

import { arrivedMessage } from "../../../../edge_runtime/page/static/panels/message.js";
import { recall, remember } from "../../../../edge_runtime/page/static/panels/recall.js";
import { State } from "../../../../edge_runtime/page/static/state.js";
import { frame, message, prediction } from "./messages.mjs";

test("what several keep of a trace is one list in the order of time", () => {
  const state = new State();
  const [first, second] = [frame("a", { at: 1 }), prediction("a", {}, { at: 2 })];
  state.take("message", second);
  const end = remember(state, (trace) => [first, second].filter((one) => one.trace === trace));
  assert.deepEqual(recall(state, "a"), [first, second]);
  assert.deepEqual(recall(state, "b"), []);
  assert.deepEqual(recall(new State(), "a"), []);
  end();
  assert.deepEqual(recall(state, "a"), [second]);
});

test("a live message is preferred to the same one from upstream", () => {
  const state = new State();
  const live = message({ module: "f", output: "events", sys: { messageId: "e1" }, trace: "e1" });
  const arrived = arrivedMessage({ id: 1, moduleId: "f", output: "events", systemProperties: { "message-id": "e1" } });
  remember(state, () => [arrived]);
  assert.deepEqual(recall(state, "e1"), [arrived]);
  remember(state, () => [live]);
  assert.deepEqual(recall(state, "e1"), [live]);
});
