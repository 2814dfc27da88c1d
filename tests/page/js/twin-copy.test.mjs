import assert from "node:assert/strict";
import { test } from "node:test";

import { TwinCopy } from "../../../edge_runtime/page/static/control/twin-copy.js";
import { propertiesOf } from "../../../edge_runtime/page/static/control/twin.js";

const ack = (value, ac, av) => ({ value, ac, av, ad: "twin" });

/** A copy whose readings are answered by hand: `answers[n](twin)`, `refusals[n](error)`. */
function copyByHand() {
  const answers = [];
  const refusals = [];
  const copy = new TwinCopy(() => new Promise((resolve, reject) => (answers.push(resolve), refusals.push(reject))));
  return { copy, answers, refusals };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));
const verdict = (copy, name) => propertiesOf(copy.twin, copy.since).find((one) => one.name === name).verdict;

/** A copy that has read `twin` once. */
async function copyOf(twin) {
  const made = copyByHand();
  const done = made.copy.load();
  made.answers[0](twin);
  await done;
  return made;
}

test("a set during a reading is not undone by its answer, and the twin is read once more", async () => {
  const { copy, answers } = await copyOf({ desired: { fps: 5 }, reported: { fps: ack(5, 200, 1) }, version: 1 });
  const first = copy.load();
  copy.desired({ fps: 7 }, 2);
  const second = copy.load();
  assert.equal(answers.length, 2, "one at a time");
  answers[1]({ desired: { fps: 5 }, reported: { fps: ack(5, 200, 1) }, version: 1 });
  await turns();
  assert.deepEqual([copy.twin.desired.fps, copy.twin.version], [7, 2]);
  assert.equal(verdict(copy, "fps"), "waiting");
  answers[2]({ desired: { fps: 7 }, reported: { fps: ack(7, 200, 2) }, version: 2 });
  await Promise.all([first, second]);
  assert.equal(verdict(copy, "fps"), "applied");
  assert.equal(answers.length, 3);
});

test("the answer from before a set is read again though nobody asks", async () => {
  const { copy, answers } = await copyOf({ desired: {}, reported: {}, version: 1 });
  void copy.load();
  copy.desired({ fps: 7 }, 2);
  answers[1]({ desired: {}, reported: {}, version: 1 });
  await turns();
  assert.equal(answers.length, 3);
  answers[2]({ desired: { fps: 7 }, reported: {}, version: 2 });
  await turns();
  assert.equal(copy.twin.version, 2);
});

test("what is reported during a reading is not overwritten by an answer from before it", async () => {
  const { copy, answers } = await copyOf({ desired: { fps: 5 }, reported: {}, version: 1 });
  const done = copy.load();
  copy.reported({ fps: ack(5, 200, 1) });
  copy.reported({ fps: ack(5, 200, 2), state: "running" });
  answers[1]({ desired: { fps: 5 }, reported: { uptime: 3 }, version: 2 });
  await done;
  assert.deepEqual(copy.twin.reported, { uptime: 3, fps: ack(5, 200, 2), state: "running" });
});

test("however much is reported while an answer is awaited, the end is what was reported last", async () => {
  const { copy, answers } = await copyOf({ desired: {}, reported: {}, version: 1 });
  const done = copy.load();
  for (let count = 0; count < 500; count += 1) copy.reported({ count });
  answers[1]({ desired: {}, reported: {}, version: 1 });
  await turns();
  answers[2]({ desired: {}, reported: { count: 499 }, version: 1 });
  await done;
  assert.equal(copy.twin.reported.count, 499);
});

test("a twin that was made anew begins with a lower version", async () => {
  const { copy, answers } = await copyOf({ desired: { a: 1 }, reported: {}, version: 9 });
  const done = copy.load();
  answers[1]({ desired: { b: 1 }, reported: {}, version: 1 });
  await done;
  assert.deepEqual([copy.twin.desired, copy.twin.version], [{ b: 1 }, 1]);
});

test("a reading that fails is told, another one is tried, and what was known stays", async () => {
  const { copy, answers, refusals } = await copyOf({ desired: { a: 1 }, reported: {}, version: 1 });
  const failed = copy.load();
  refusals[1](new Error("503"));
  await assert.rejects(failed, /503/);
  assert.deepEqual(copy.twin.desired, { a: 1 });
  const done = copy.load();
  const wanted = copy.load();
  refusals[2](new Error("503"));
  await turns();
  answers[3]({ desired: { a: 2 }, reported: {}, version: 2 });
  await Promise.all([done, wanted]);
  assert.deepEqual(copy.twin.desired, { a: 2 });
});

test("what somebody else sets is judged by answers from then on", async () => {
  const reported = { fps: ack(5, 400, 1), loop: ack(true, 200, 1) };
  const { copy, answers } = await copyOf({ desired: { fps: -1, loop: false }, reported, version: 1 });
  assert.deepEqual([verdict(copy, "fps"), verdict(copy, "loop")], ["refused", "other"]);
  const done = copy.load();
  answers[1]({ desired: { fps: 6, loop: false }, reported, version: 3 });
  await done;
  assert.equal(verdict(copy, "fps"), "waiting");
  copy.reported({ fps: ack(6, 200, 3) });
  assert.equal(verdict(copy, "fps"), "applied");
});

test("a secret that was set here and comes back hidden is no change by somebody else", async () => {
  const { copy, answers } = await copyOf({ desired: { password: "***" }, reported: { password: ack("***", 200, 1) }, version: 1 });
  copy.desired({ password: "new" }, 2);
  copy.desired({ fps: 3 }, 3);
  const done = copy.load();
  answers[1]({ desired: { password: "***", fps: 3 }, reported: { password: ack("***", 200, 1) }, version: 4 });
  await done;
  assert.equal(verdict(copy, "password"), "waiting");
  copy.reported({ password: ack("***", 200, 2) });
  assert.equal(verdict(copy, "password"), "applied");
});
