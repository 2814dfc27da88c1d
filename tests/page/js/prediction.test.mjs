import assert from "node:assert/strict";
import { test } from "node:test";

import { answerKey, judged, labelOf, modelName, newestAnswer, readPrediction } from "../../../edge_runtime/page/static/panels/prediction.js";
import { frame, prediction, predictionBody } from "./messages.mjs";

test("what it says is told", () => {
  const read = readPrediction(predictionBody({ truth: "cat", capturedAt: "t" }));
  assert.equal(read.outcome, "right");
  assert.deepEqual(read.timingsMs, { queue: 1, decode: 0.5, infer: 4 });
  assert.equal(modelName(read.model), "net 2");
  assert.equal(modelName(readPrediction({}).model), "unknown model");
});

test("an abstention is never right, an error is none", () => {
  assert.equal(readPrediction(predictionBody({ truth: "cat", abstained: true })).outcome, "abstained");
  const failed = readPrediction(predictionBody({ error: { code: "bad_image", message: "broken" } }));
  assert.equal(failed.outcome, "error");
  assert.deepEqual(failed.top, []);
  assert.deepEqual(failed.error, { code: "bad_image", message: "broken" });
});

test("without a result it is an error, whatever the fields are", () => {
  for (const top of [undefined, null, [], "cat", [1, null], [{ label: 5, probability: 1 }], [{ label: "a" }]]) {
    assert.equal(readPrediction(predictionBody({ top })).outcome, "error", JSON.stringify(top));
  }
});

test("probabilities stay between 0 and 1", () => {
  const top = [{ label: "a", probability: 7 }, { label: "b", probability: -1 }];
  assert.deepEqual(readPrediction({ top }).top.map((score) => score.probability), [1, 0]);
});

test("the frame's own label is the truth, whatever was said of it", () => {
  const [unjudged, right] = [{}, { truth: "cat" }].map((given) => readPrediction(predictionBody(given)));
  assert.equal(judged(unjudged, "dog").outcome, "wrong");
  assert.equal(judged(unjudged, "cat").outcome, "right");
  assert.deepEqual([judged(right, "dog").outcome, judged(right, "dog").truth], ["wrong", "dog"]);
  assert.equal(judged(right, null).outcome, "right");
  const abstained = readPrediction(predictionBody({ abstained: true }));
  assert.deepEqual([judged(abstained, "dog").outcome, judged(abstained, "dog").truth], ["abstained", "dog"]);
  assert.equal(judged(readPrediction({}), "dog").outcome, "error");
});

test("what is sent on by another module is the same answer, another model's is not", () => {
  const key = (body, given) => answerKey(prediction("a", body, given));
  assert.equal(key({}), key({}, { module: "results_filter", output: "upstream", at: 500 }));
  assert.notEqual(key({}), key({ model: { name: "net", version: "3", sha256: "1" } }));
  assert.notEqual(key({}), answerKey(prediction("b")));
});

test("a label cannot turn the line that it stands in", () => {
  const turning = "\u202egod";
  const read = readPrediction(predictionBody({ top: [{ label: turning, probability: 1 }], truth: turning, reason: turning }));
  assert.deepEqual([read.top[0].label, read.truth, read.reason], new Array(3).fill("‹U+202E›god"));
  assert.equal(read.outcome, "right");
});

test("texts and lists without end are cut", () => {
  const long = "x".repeat(200_000);
  const read = readPrediction(predictionBody({
    truth: long,
    reason: long,
    frameId: long,
    capturedAt: long,
    model: { name: long, version: long, sha256: long },
    top: Array.from({ length: 10_000 }, () => ({ label: long, probability: 0.5 })),
  }));
  assert.equal(read.top.length, 20);
  assert.ok(JSON.stringify(read).length < 3000);
  const failed = readPrediction(predictionBody({ error: { code: long, message: long } }));
  assert.ok(JSON.stringify(failed).length < 1500);
  const known = frame("a");
  known.app.label = long;
  assert.equal(labelOf(known).length, 65);
});

test("of a trace's predictions the newest model's first one is shown", () => {
  const other = prediction("a", { model: { name: "net", version: "3", sha256: "1" } });
  const sentOn = prediction("a", {}, { module: "results_filter", at: 500 });
  const first = prediction("a");
  assert.equal(newestAnswer([frame("a"), first, sentOn]), first);
  assert.equal(newestAnswer([first, other, sentOn]), other);
  assert.equal(newestAnswer([frame("a")]), undefined);
});
