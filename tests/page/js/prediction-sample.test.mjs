import assert from "node:assert/strict";
import { test } from "node:test";

import { matrixOf } from "../../../edge_runtime/page/static/panels/confusion.js";
import {
  ABSTAINED,
  ERROR,
  PREDICTIONS,
  PredictionSample,
} from "../../../edge_runtime/page/static/panels/prediction-sample.js";
import { frame, prediction } from "./messages.mjs";

function sampleOf(...messages) {
  const sample = new PredictionSample();
  for (const one of messages) sample.take(one);
  return sample;
}

const sure = (label, probability) => ({ top: [{ label, probability }] });

test("how sure it is: answers alone, in steps of a tenth", () => {
  const sample = sampleOf(
    prediction("a", sure("cat", 0.05)),
    prediction("b", sure("cat", 0.3)),
    prediction("c", sure("cat", 1)),
    prediction("d", { ...sure("cat", 0.3), abstained: true }),
    prediction("e", { error: { code: "bad", message: "" } }),
  );
  assert.deepEqual(sample.confidence(), [1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
  assert.equal(sample.n, 5);
});

test("a prediction counts once, other messages not at all", () => {
  const sample = new PredictionSample();
  assert.equal(sample.take(prediction("a")), true);
  assert.equal(sample.take(prediction("a")), false);
  assert.equal(sample.take(frame("a")), false);
  assert.equal(sample.n, 1);
});

test("answers by truth, an abstention as its own answer, an error as none", () => {
  const confusion = sampleOf(
    prediction("a", { truth: "cat" }),
    prediction("b", { truth: "dog" }),
    prediction("c", { truth: "dog", abstained: true }),
    prediction("d", { truth: "dog", error: { code: "bad", message: "" } }),
    prediction("e"),
  ).confusion();
  assert.deepEqual(matrixOf(confusion), {
    truths: ["cat", "dog"], answers: ["cat", "dog", ABSTAINED], cells: [[1, 0, 0], [1, 0, 1]], totals: [1, 2], cut: false,
  });
});

test("what it sees over time", () => {
  const sample = sampleOf(
    prediction("a", {}, { at: 0 }),
    prediction("b", {}, { at: 12_000 }),
    prediction("c", { abstained: true }, { at: 12_000 }),
    prediction("d", { error: { code: "bad", message: "" } }, { at: 12_000 }),
  );
  const now = Date.UTC(2026, 0, 1) + 25_000;
  const { rows, end } = sample.mix(now);
  assert.equal(end, Date.UTC(2026, 0, 1) + 30_000);
  assert.deepEqual(rows.map(({ name, values }) => [name, values.slice(-3)]), [
    ["cat", [1, 1, 0]], [ABSTAINED, [0, 1, 0]], [ERROR, [0, 1, 0]],
  ]);
  assert.deepEqual(sample.mix(NaN).end, end);
});

test("another model is noticed, also one that comes back", () => {
  const model = (version) => ({ model: { name: "net", version, sha256: version.repeat(64) } });
  const sample = sampleOf(
    ...["1", "1", "2", "1"].map((version, index) => prediction(`t${index}`, model(version), { at: index * 1000 })),
  );
  const start = Date.UTC(2026, 0, 1);
  assert.deepEqual(sample.models().map(({ name, since, n }) => [name, since - start, n]), [
    ["net 1", 0, 2], ["net 2", 2000, 1], ["net 1", 3000, 1],
  ]);
});

test("old predictions are forgotten", () => {
  const sample = new PredictionSample();
  for (let index = 0; index < PREDICTIONS + 100; index += 1) {
    sample.take(prediction(`t${index}`, { model: { name: "net", version: String(index), sha256: "" } }));
  }
  assert.equal(sample.n, PREDICTIONS);
  assert.equal(sample.taken, PREDICTIONS + 100);
  assert.equal(sample.confidence()[7], PREDICTIONS);
  assert.equal(sample.models().length, 20);
});
