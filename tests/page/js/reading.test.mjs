import assert from "node:assert/strict";
import { test } from "node:test";

import { Reading } from "../../../edge_runtime/page/static/panels/reading.js";

test("it is read once, and again when it is wanted again", async () => {
  let times = 0;
  const reading = new Reading(async () => void (times += 1));
  await reading.go();
  await reading.go();
  assert.equal(times, 1);
  reading.want();
  await reading.go();
  assert.equal(times, 2);
});

test("after a failure it is tried again, not at once, and the failure is told until it is over", async () => {
  let [now, broken, times] = [0, true, 0];
  const reading = new Reading(async () => {
    times += 1;
    if (broken) throw new Error("the hub does not answer");
  }, () => now);
  await reading.go();
  await reading.go();
  assert.deepEqual([times, reading.failure], [1, "the hub does not answer"]);
  [now, broken] = [60_000, false];
  await reading.go();
  await reading.go();
  assert.deepEqual([times, reading.failure], [2, ""]);
});

test("one at a time, and once more when it was wanted meanwhile", async () => {
  const started = [];
  const reading = new Reading(() => new Promise((done) => started.push(done)));
  const first = reading.go();
  await reading.go();
  reading.want();
  await reading.go();
  assert.equal(started.length, 1);
  started[0]();
  await first;
  const second = reading.go();
  assert.equal(started.length, 2);
  started[1]();
  await second;
});
