import assert from "node:assert/strict";
import { test } from "node:test";

import { modelName, readPrediction } from "../../../edge_runtime/page/static/panels/prediction.js";
import { predictionBody } from "./messages.mjs";

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
