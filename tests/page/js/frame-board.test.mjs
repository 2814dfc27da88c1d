import assert from "node:assert/strict";
import { test } from "node:test";

import {
  FRAMES,
  FrameBoard,
  REMARKABLE,
  latencyMs,
  truthOf,
} from "../../../edge_runtime/page/static/panels/frame-board.js";
import { event, frame, message, prediction } from "./messages.mjs";

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
  const board = boardOf(frame("cam.b.1"), prediction("cam.b.1.p.0", { frameId: "cam.b.1" }));
  assert.equal(board.get("cam.b.1").prediction.trace, "cam.b.1.p.0");
  assert.equal(boardOf(frame("cam.b.2"), prediction("cam.b.1.p.0")).get("cam.b.2").prediction, null);
});

test("a frame without a prediction has no latency, nor one without a time of capture", () => {
  assert.equal(latencyMs(boardOf(frame("a")).get("a")), null);
  const untimed = boardOf(frame("a", { capturedAt: "yesterday" }), prediction("a")).get("a");
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
  assert.equal(truthOf(board.get("wrong")), "dog");
  assert.equal(truthOf(board.get("open")), null);
});

test("the truth is the frame's own label when it has one", () => {
  const known = frame("a");
  known.app.label = "horse";
  assert.equal(truthOf(boardOf(known).get("a")), "horse");
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
  assert.equal(board.size, 16);
  assert.equal(board.frames()[0].trace, "t39");
  assert.equal(board.clear().length, 16);
  assert.equal(board.size, 0);
});

test("a prediction that is judged anew is not counted twice", () => {
  const board = boardOf(frame("a"), prediction("a", { truth: "dog" }), prediction("a", { truth: "cat" }, { at: 50 }));
  assert.deepEqual(board.counts(), { all: 1, wrong: 0, abstained: 0, errors: 0 });
  for (let index = 0; index < 2 * REMARKABLE; index += 1) {
    board.take(prediction("a", { truth: "dog" }));
    board.take(prediction("a", { truth: "cat" }));
  }
  board.take(frame("wrong"));
  board.take(prediction("wrong", { truth: "dog" }));
  for (let index = 0; index < 2 * FRAMES; index += 1) board.take(frame(`t${index}`));
  assert.equal(board.frames("wrong").length, 1);
});

test("deliveries stay with their frame, a bounded number of them", () => {
  const board = boardOf(frame("a"));
  board.deliver({ trace: "b", endpoint: "x/y", messageId: "m", at: "t", redelivery: false });
  for (let index = 0; index < 50; index += 1) board.deliver({ trace: "a", endpoint: "x/y", messageId: "m", at: `${index}` });
  assert.equal(board.get("a").delivered.length, 16);
  assert.equal(board.get("a").delivered[0].at, "0");
});
