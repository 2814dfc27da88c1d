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

const model = (version) => ({ model: { name: "net", version, sha256: version.repeat(64) } });
const START = Date.UTC(2026, 0, 1);

test("another model is noticed, also one that comes back", () => {
  const sample = sampleOf(
    ...["1", "1", "2", "1"].map((version, index) => prediction(`t${index}`, model(version), { at: index * 40_000 })),
  );
  assert.deepEqual(sample.models().map(({ name, since, n }) => [name, since - START, n]), [
    ["net 1", 0, 2], ["net 2", 80_000, 1], ["net 1", 120_000, 1],
  ]);
});

test("models that answer in turn are one row each", () => {
  const sample = new PredictionSample();
  for (let index = 0; index < 50; index += 1) sample.take(prediction(`t${index}`, model(String(index % 2)), { at: index * 1000 }));
  assert.deepEqual(sample.models().map(({ name, n, last }) => [name, n, last - START]), [["net 0", 25, 48_000], ["net 1", 25, 49_000]]);
});

test("what another module sends on counts once, another model's answer by itself", () => {
  const sample = sampleOf(
    prediction("a", { truth: "cat" }),
    prediction("a", { truth: "cat" }, { module: "results_filter", output: "upstream", at: 530 }),
    prediction("a", { truth: "cat", ...model("3") }),
    prediction("b", { truth: "cat" }),
  );
  assert.equal(sample.n, 3);
  assert.deepEqual(matrixOf(sample.confusion()).cells, [[3]]);
});

test("a counter that began anew names other predictions", () => {
  const sent = ["one", "two"].map((trace) => prediction(trace, { frameId: "1" }, { sys: { messageId: "1" } }));
  assert.equal(sampleOf(...sent).n, 2);
});

test("the truth is the frame's label, also where the prediction tells none or another", () => {
  const labelled = (trace, label, id) => frame(trace, { app: { schema: "frame/1", label }, ...(id && { id }) });
  const sample = sampleOf(
    labelled("a", "dog"), prediction("a"),
    labelled("b", "cat"), prediction("b", { truth: "dog" }),
    labelled("c", "dog", "c1"), labelled("c", "cat", "c2"), prediction("c", { frameId: "c2" }),
    labelled("d", "dog", "d1"), prediction("another trace", { frameId: "d1" }),
  );
  const { truths, cells } = matrixOf(sample.confusion());
  assert.deepEqual(truths, ["cat", "dog"]);
  assert.deepEqual(cells, [[2, 0], [2, 0]]);
});

test("long labels are kept short", () => {
  const long = "x".repeat(200_000);
  const { truths, answers } = matrixOf(sampleOf(prediction("a", { ...sure(long, 1), truth: long })).confusion());
  assert.deepEqual([truths, answers].map(([name]) => name.length), [65, 65]);
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
