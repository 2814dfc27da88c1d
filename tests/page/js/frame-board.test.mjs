import assert from "node:assert/strict";
import { test } from "node:test";

import {
  FRAMES,
  FrameBoard,
  REMARKABLE,
  latencyMs,
  madeAt,
  truthOf,
} from "../../../edge_runtime/page/static/panels/frame-board.js";
import { event, frame, message, prediction, time } from "./messages.mjs";

function boardOf(...messages) {
  const board = new FrameBoard();
  for (const one of messages) board.take(one);
  return board;
}

test("a frame is joined with its prediction by trace, whichever came first", () => {
  for (const messages of [
    [frame("a"), prediction("a")],
    [prediction("a"), frame("a")],
  ]) {
    const [joined] = boardOf(...messages, prediction("other")).frames();
    assert.equal(joined.prediction.trace, "a");
    assert.equal(latencyMs(joined), 30);
  }
});

test("where no trace travels, a prediction names its frame", () => {
  const board = boardOf(frame("cam.b.1", { id: "cam.b.1" }), prediction("cam.b.1.p.0", { frameId: "cam.b.1" }));
  assert.equal(board.ofTrace("cam.b.1")[0].prediction.trace, "cam.b.1.p.0");
  assert.equal(boardOf(frame("cam.b.2", { id: "cam.b.2" }), prediction("cam.b.1.p.0")).ofTrace("cam.b.2")[0].prediction, null);
});

test("a frame without a prediction has no latency, nor one without a time of capture", () => {
  assert.equal(latencyMs(boardOf(frame("a")).ofTrace("a")[0]), null);
  const untimed = boardOf(frame("a", { capturedAt: "yesterday" }), prediction("a")).ofTrace("a")[0];
  assert.equal(latencyMs(untimed), null);
});

test("other messages change nothing, a frame that comes twice is one", () => {
  const board = boardOf(frame("a"), frame("a"), event("e"), message());
  assert.equal(board.size, 1);
  assert.deepEqual(board.take(frame("a")), { changed: false, gone: [] });
});

test("wrong ones, abstentions and errors are found", () => {
  const board = boardOf(
    ...["right", "wrong", "unsure", "broken", "open", "waiting"].map((name) => frame(name)),
    prediction("right", { truth: "cat" }),
    prediction("wrong", { truth: "dog" }),
    prediction("unsure", { truth: "cat", abstained: true, reason: "low_margin" }),
    prediction("broken", { error: { code: "bad_image", message: "no" }, top: undefined }),
    prediction("open"),
  );
  const names = (which) => board.frames(which).map((one) => one.trace);
  assert.deepEqual(names("all"), ["waiting", "open", "broken", "unsure", "wrong", "right"]);
  assert.deepEqual(names("wrong"), ["wrong"]);
  assert.deepEqual(names("abstained"), ["unsure"]);
  assert.deepEqual(names("errors"), ["broken"]);
  assert.deepEqual(board.counts(), { all: 6, wrong: 1, abstained: 1, errors: 1 });
  assert.equal(truthOf(board.ofTrace("wrong")[0]), "dog");
  assert.equal(truthOf(board.ofTrace("open")[0]), null);
});

test("the truth is the frame's own label when it has one", () => {
  const known = frame("a");
  known.app.label = "horse";
  assert.equal(truthOf(boardOf(known).ofTrace("a")[0]), "horse");
});

test("no more frames than the bound, and what goes is told", () => {
  const board = new FrameBoard();
  const gone = [];
  for (let index = 0; index < FRAMES + 10; index += 1) gone.push(...board.take(frame(`t${index}`)).gone);
  assert.equal(board.size, FRAMES);
  assert.deepEqual(gone.map((one) => one.trace), Array.from({ length: 10 }, (_, index) => `t${index}`));
});

test("remarkable frames outlive ordinary ones, as long as there is room for them", () => {
  const board = new FrameBoard();
  const put = (trace, truth) => {
    board.take(frame(trace));
    board.take(prediction(trace, { truth }));
  };
  put("wrong", "dog");
  for (let index = 0; index < 3 * FRAMES; index += 1) put(`t${index}`, "cat");
  assert.equal(board.frames("wrong").length, 1);
  for (let index = 0; index < FRAMES; index += 1) put(`w${index}`, "dog");
  for (let index = 0; index < FRAMES; index += 1) put(`u${index}`, "cat");
  assert.equal(board.frames("wrong").length, REMARKABLE);
  assert.equal(board.frames("wrong")[0].trace, `w${FRAMES - 1}`);
  assert.equal(board.size, FRAMES);
});

test("large pictures take the place of many small ones", () => {
  const board = new FrameBoard();
  const megabyte = "A".repeat(1024 * 1024);
  for (let index = 0; index < 40; index += 1) board.take(frame(`t${index}`, { bodyBase64: megabyte }));
  assert.equal(board.size, 15);
  assert.equal(board.frames()[0].trace, "t39");
  assert.equal(board.clear().length, 15);
  assert.equal(board.size, 0);
});

test("what another module sends on changes nothing: the first one of a model counts, the newest model is shown", () => {
  const model = (version) => ({ model: { name: "net", version, sha256: version.repeat(64) } });
  const board = boardOf(frame("a"), prediction("a", model("1")));
  assert.equal(board.take(prediction("a", model("1"), { module: "results_filter", output: "upstream", at: 530 })).changed, false);
  assert.equal(latencyMs(board.ofTrace("a")[0]), 30);
  assert.equal(board.take(prediction("a", model("2"), { at: 50 })).changed, true);
  assert.equal(latencyMs(board.ofTrace("a")[0]), 50);
  assert.equal(board.take(prediction("a", model("1"), { at: 900 })).changed, false);
  assert.equal(board.ofTrace("a")[0].said.model.version, "2");
});

test("a prediction that is judged anew is not counted twice", () => {
  const board = boardOf(frame("a"));
  for (let index = 0; index < 20; index += 1) {
    const truth = index % 2 ? "dog" : "cat";
    board.take(prediction("a", { truth, model: { name: "net", version: `${index}`, sha256: "" } }));
  }
  assert.deepEqual(board.counts(), { all: 1, wrong: 1, abstained: 0, errors: 0 });
  board.take(frame("wrong"));
  board.take(prediction("wrong", { truth: "dog" }));
  for (let index = 0; index < 2 * FRAMES; index += 1) board.take(frame(`t${index}`));
  assert.equal(board.frames("wrong").length, 2);
});

test("what the frame shows decides, whatever the prediction says of it, or nothing", () => {
  const known = (trace, label) => frame(trace, { app: { schema: "frame/1", capturedAt: time(0), label } });
  const board = boardOf(
    known("untold", "dog"), prediction("untold"),
    known("other", "cat"), prediction("other", { truth: "dog" }),
    prediction("early"), known("early", "horse"),
  );
  assert.deepEqual(board.frames("wrong").map((one) => one.trace), ["early", "untold"]);
  assert.equal(board.ofTrace("other")[0].said.outcome, "right");
  assert.equal(board.ofTrace("untold")[0].said.truth, "dog");
});

test("frames of one trace are each shown, with the prediction that names them", () => {
  const [one, two] = [frame("t", { id: "f1" }), frame("t", { id: "f2" })];
  const [first, second] = ["f1", "f2"].map((frameId) => prediction("t", { frameId }));
  for (const order of [[one, two, second, first], [second, first, one, two], [one, second, two, first]]) {
    const board = boardOf(...order);
    assert.deepEqual(board.ofTrace("t").map((given) => given.said.frameId), ["f1", "f2"]);
  }
  const renumbered = boardOf(frame("old", { id: "1" }), frame("new", { id: "1" }), prediction("old", { frameId: "1" }));
  assert.deepEqual(renumbered.frames().map((given) => given.prediction?.trace), [undefined, "old"]);
  const unnamed = boardOf(one, two, ...["p", "q"].map((name) => prediction("t", { frameId: name })));
  assert.deepEqual(unnamed.ofTrace("t").map((given) => given.said.frameId), ["p", "q"]);
});

test("a clock that is ahead gives no latency, and a time that is none no time of capture", () => {
  const ahead = boardOf(frame("a", { capturedAt: time(900) }), prediction("a")).ofTrace("a")[0];
  assert.equal(latencyMs(ahead), null);
  assert.equal(madeAt(boardOf(frame("a", { at: 10, capturedAt: "soon" })).ofTrace("a")[0]), Date.UTC(2026, 0, 1) + 10);
});

test("large properties and large predictions take room as well", () => {
  const long = "A".repeat(1024 * 1024);
  const board = new FrameBoard();
  for (let index = 0; index < 40; index += 1) board.take(frame(`t${index}`, { app: { schema: "frame/1", long } }));
  assert.ok(board.size < 17, String(board.size));
  const other = new FrameBoard();
  for (let index = 0; index < 40; index += 1) {
    other.take(frame(`t${index}`));
    other.take(prediction(`t${index}`, { long }));
  }
  assert.ok(other.size < 17, String(other.size));
});

test("deliveries stay with their frame, a bounded number of them", () => {
  const board = boardOf(frame("a"));
  board.deliver({ trace: "b", endpoint: "x/y", messageId: "m", at: "t", redelivery: false });
  for (let index = 0; index < 50; index += 1) board.deliver({ trace: "a", endpoint: "x/y", messageId: "m", at: `${index}` });
  assert.equal(board.ofTrace("a")[0].delivered.length, 16);
  assert.equal(board.ofTrace("a")[0].delivered[0].at, "0");
});
