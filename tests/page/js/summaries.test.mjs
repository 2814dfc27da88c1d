import assert from "node:assert/strict";
import { test } from "node:test";

import { matrixOf } from "../../../edge_runtime/page/static/panels/confusion.js";
import { PERIODS, Summaries } from "../../../edge_runtime/page/static/panels/summaries.js";
import { event, summary, time } from "./messages.mjs";

const ACCURACY = { n: 9, correct: 6, top1: 0.666667, confusion: { cat: { cat: 6, dog: 3 } } };

function taken(...messages) {
  const summaries = new Summaries();
  for (const message of messages) summaries.take(message);
  return summaries;
}

test("each summary counts once, and nothing else counts", () => {
  const both = new Summaries();
  assert.deepEqual([summary("s0"), summary("s0"), event("e")].map((one) => both.take(one)), [true, false, false]);
  const totals = taken(summary("s0"), summary("s0"), summary("s1", { accuracy: ACCURACY }), event("e")).totals();
  assert.equal(totals.periods, 2);
  assert.equal(totals.predictions, 20);
  assert.deepEqual([...totals.labels], [["cat", 12], ["dog", 6]]);
  assert.deepEqual([...totals.abstained], [["low_margin", 2]]);
  assert.deepEqual(totals.confidence, [0, 0, 0, 0, 0, 2, 2, 2, 4, 8]);
  assert.equal(totals.judged, 9);
  assert.equal(totals.correct, 6);
  assert.deepEqual(matrixOf(totals.confusion).cells, [[6, 3]]);
});

test("accuracy over time is in the order of time, without periods that judged nothing", () => {
  const summaries = taken(
    summary("late", { until: "2026-01-01T00:20:00.000Z", accuracy: ACCURACY }),
    summary("none"),
    summary("early", { until: "2026-01-01T00:10:00.000Z", accuracy: { ...ACCURACY, correct: 9 } }),
  );
  assert.deepEqual(summaries.accuracies().map((one) => one.share), [1, 6 / 9]);
  assert.equal(summaries.totals().since, Date.UTC(2026, 0, 1));
  assert.equal(summaries.totals().until, Date.UTC(2026, 0, 1, 0, 20));
});

test("what is broken is left out", () => {
  const summaries = taken(
    summary("no end", { until: "soon" }),
    summary("no begin", { since: 5 }),
    summary("no numbers", { predictions: "many", labels: [], confidence: ["x"], accuracy: { n: "9", confusion: 1 } }),
  );
  const totals = summaries.totals();
  assert.equal(totals.periods, 1);
  assert.equal(totals.predictions, 0);
  assert.deepEqual(totals.confidence, new Array(10).fill(0));
});

test("figures that cannot be are no figures", () => {
  const summaries = taken(
    summary("none", { until: time(1), accuracy: { n: 0, correct: 0 } }),
    summary("too many", { until: time(2), accuracy: { n: 3, correct: 100, confusion: { cat: { cat: 100 } } } }),
    summary("below", { until: time(3), accuracy: { n: -9, correct: -9 } }),
    summary("good", { until: time(4), accuracy: ACCURACY }),
  );
  assert.deepEqual(summaries.accuracies().map(({ share }) => share), [6 / 9]);
  const { judged, correct, confusion } = summaries.totals();
  assert.deepEqual([judged, correct], [9, 6]);
  assert.deepEqual(matrixOf(confusion).cells, [[6, 3]]);
});

test("the figures are of the newest run of each module, and of the time that is asked for", () => {
  const of = (number, at, module = "m") => {
    return { ...summary(`${number}`, { number, since: time(at), until: time(at + 1000) }), module };
  };
  const summaries = taken(of(7, 0), of(8, 1000), of(1, 2000), of(5, 2500, "other"), of(2, 3000), of(6, 3500, "other"));
  assert.deepEqual(summaries.periods().map(({ sender, number }) => `${sender} ${number}`), [
    "m/summaries 1", "other/summaries 5", "m/summaries 2", "other/summaries 6",
  ]);
  const since = Date.UTC(2026, 0, 1) + 2800;
  assert.deepEqual(summaries.periods(since).map(({ number }) => number), [2, 6]);
  assert.equal(summaries.totals(summaries.periods(since)).periods, 2);
});

test("a summary of a number that was used before is another one", () => {
  const both = [0, 60_000].map((at) => summary("1", { since: time(at), until: time(at + 1000) }));
  assert.equal(taken(...both).periods().length, 2);
});

test("large summaries take the place of many small ones, and their names are cut", () => {
  const labels = { [`${"x".repeat(1024 * 1024)}`]: 1 };
  const large = Array.from({ length: 10 }, (_, index) => summary(`s${index}`, { until: time(index), labels }));
  const summaries = taken(...large);
  assert.ok(summaries.periods().length < 5);
  assert.equal([...summaries.totals().labels.keys()][0].length, 65);
});

test("the oldest periods go", () => {
  const messages = Array.from({ length: PERIODS + 5 }, (_, index) => {
    return summary(`s${index}`, { until: time(index * 1000) });
  });
  const periods = taken(...messages).periods();
  assert.equal(periods.length, PERIODS);
  assert.match(periods[0].key, /s5"/);
});
