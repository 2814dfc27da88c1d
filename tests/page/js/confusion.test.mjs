import assert from "node:assert/strict";
import { test } from "node:test";

import * as page from "../../../edge_runtime/page/static/panels/confusion.js";

const CONFUSION = { cat: { cat: 5, dog: 2, "(abstained)": 1 }, dog: { dog: 8, cat: 4 } };

function counted(...confusions) {
  const counts = page.noCounts();
  for (const confusion of confusions) page.addAll(counts, confusion);
  return counts;
}

test("periods are added up", () => {
  const counts = counted(CONFUSION, CONFUSION);
  assert.deepEqual(page.score(counts), { n: 40, correct: 26 });
});

test("answers that are no truth stand among the classes, what is no class at the end", () => {
  const matrix = page.matrixOf(counted({ bird: { "(abstained)": 1, cat: 2, ant: 3 }, cat: { cat: 1 } }));
  assert.deepEqual(matrix.truths, ["bird", "cat"]);
  assert.deepEqual(matrix.answers, ["ant", "bird", "cat", "(abstained)"]);
  assert.deepEqual(matrix.cells, [[3, 0, 2, 1], [0, 0, 1, 0]]);
});

test("the matrix has the truths as rows", () => {
  const matrix = page.matrixOf(counted(CONFUSION));
  assert.deepEqual(matrix.truths, ["cat", "dog"]);
  assert.deepEqual(matrix.answers, ["cat", "dog", "(abstained)"]);
  assert.deepEqual(matrix.cells, [[5, 2, 1], [4, 8, 0]]);
  assert.deepEqual(matrix.totals, [8, 12]);
  assert.equal(matrix.cut, false);
});

test("the most frequent mistakes come first", () => {
  assert.deepEqual(page.mistakes(counted(CONFUSION), 2), [
    { truth: "dog", answer: "cat", times: 4 },
    { truth: "cat", answer: "dog", times: 2 },
  ]);
});

test("what is no count is left out, and hostile names are names", () => {
  const confusion = JSON.parse('{"__proto__": {"a": 1}, "a": {"a": "9", "b": -1, "c": null, "constructor": 2}, "b": 4}');
  const counts = counted(confusion, null, 5, [1]);
  assert.deepEqual(page.score(counts), { n: 3, correct: 0 });
  assert.deepEqual(page.matrixOf(counts).truths, ["__proto__", "a"]);
  assert.deepEqual(page.matrixOf(counts).answers, ["__proto__", "a", "constructor"]);
});

test("a matrix stays readable, and says what it left out", () => {
  const counts = page.noCounts();
  for (let index = 0; index < 2000; index += 1) page.count(counts, `class ${index}`, `class ${index}`, 2000 - index);
  const matrix = page.matrixOf(counts);
  assert.equal(matrix.truths.length, page.LARGEST);
  assert.ok(matrix.truths.includes("class 0"));
  assert.ok(!matrix.truths.includes("class 499"));
  assert.equal(matrix.cut, true);
  assert.equal(counts.size, 500);
});

test("the interval of a share is Wilson's", () => {
  const { low, high } = page.interval(8, 10);
  assert.ok(Math.abs(low - 0.4902) < 0.0005 && Math.abs(high - 0.9433) < 0.0005, `${low} ${high}`);
  assert.equal(page.interval(10, 10).high, 1);
  assert.equal(page.interval(0, 10).low, 0);
});
