import assert from "node:assert/strict";
import { test } from "node:test";

import { Buckets, finished, OTHERS, linePoints, shares } from "../../../edge_runtime/page/static/panels/buckets.js";

test("counts move to the left as time goes on, and fall out", () => {
  const buckets = new Buckets(1000, 4, 10);
  buckets.add(10_500, "cat");
  buckets.add(10_900, "cat");
  buckets.add(12_000, "dog");
  assert.deepEqual(buckets.rows(), [
    { name: "cat", values: [0, 2, 0, 0], total: 2 },
    { name: "dog", values: [0, 0, 0, 1], total: 1 },
  ]);
  assert.equal(buckets.end, 13_000);
  buckets.advance(14_100);
  assert.deepEqual(buckets.rows(), [{ name: "dog", values: [0, 1, 0, 0], total: 1 }]);
  buckets.advance(99_000);
  assert.deepEqual(buckets.rows(), []);
});

test("a late one counts where it belongs, one that is too late does not", () => {
  const buckets = new Buckets(1000, 3, 10);
  buckets.add(5000, "a");
  buckets.add(3500, "a");
  buckets.add(2999, "a");
  buckets.add(NaN, "a");
  buckets.add(1, "late alone");
  assert.deepEqual(buckets.rows(), [{ name: "a", values: [1, 0, 1], total: 2 }]);
  const timeless = new Buckets(1000, 3, 10);
  timeless.add(NaN, "a");
  assert.deepEqual(timeless.rows(), []);
});

test("too many names are counted together", () => {
  const buckets = new Buckets(1000, 1, 2);
  for (const name of ["a", "b", "c", "d", "a"]) buckets.add(0, name);
  assert.deepEqual(buckets.rows().map(({ name, total }) => [name, total]), [[OTHERS, 2], ["a", 2], ["b", 1]]);
});

test("a line goes from the left to the right, the largest value at the top", () => {
  assert.equal(linePoints([0, 2, 4], 100, 20), "0,20 50,10 100,0");
  assert.equal(linePoints([0, 0], 10, 20), "0,20 10,20");
  assert.equal(linePoints([1], 10, 20, 2), "0,10");
  assert.equal(linePoints([], 10, 20), "");
});

test("shares of each interval", () => {
  assert.deepEqual(shares([[1, 0], [3, 0]]), [[0.25, 0], [0.75, 0]]);
  assert.deepEqual(shares([]), []);
});

test("a steady rate is a level line: the interval that still fills is not drawn", () => {
  const buckets = new Buckets(1000, 4, 5);
  for (let at = 0; at < 4100; at += 100) buckets.add(at, "cat");
  const [{ values, total }] = buckets.rows();
  assert.deepEqual(finished(values), [10, 10, 10]);
  assert.equal(total, 31);
});
