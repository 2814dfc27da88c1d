import assert from "node:assert/strict";
import { test } from "node:test";

import { EventParser, events } from "../../../edge_runtime/page/static/sse.js";

const HELLO = { type: "hello", data: '{"version":1}' };
const STREAM = 'event: hello\ndata: {"version":1}\n\n: a comment\ndata: first\ndata:second\nid: 7\n\nevent: nothing\n\n';
const TOLD = [HELLO, { type: "message", data: "first\nsecond" }];

test("events are what the standard says", () => {
  assert.deepEqual(new EventParser().feed(STREAM), TOLD);
});

for (const ending of ["\n", "\r\n", "\r"]) {
  test(`a stream may be cut anywhere, its lines end with ${JSON.stringify(ending)}`, () => {
    const text = STREAM.replaceAll("\n", ending);
    for (let cut = 1; cut < text.length; cut += 1) {
      const parser = new EventParser();
      const told = [...parser.feed(text.slice(0, cut)), ...parser.feed(""), ...parser.feed(text.slice(cut))];
      assert.deepEqual(told, TOLD, `cut at ${cut}`);
    }
  });
}

test("an event without its empty line is none", () => {
  assert.deepEqual(new EventParser().feed("event: hello\ndata: x\n"), []);
});

test("a line without an end is refused before it fills the memory", () => {
  const parser = new EventParser();
  const piece = "x".repeat(1024 * 1024);
  assert.throws(() => {
    for (let i = 0; i < 10; i += 1) parser.feed(piece);
  }, RangeError);
});

test("a busy stream is not a long line: chunks that end within one are not added up", () => {
  const parser = new EventParser();
  const stream = `data: ${"x".repeat(50_000)}\n\n`.repeat(200);
  let told = 0;
  for (let at = 0; at < stream.length; at += 65_536) told += parser.feed(stream.slice(at, at + 65_536)).length;
  assert.equal(told, 200);
});

test("the lines of one event are bounded together", () => {
  const parser = new EventParser();
  const line = `data: ${"x".repeat(1024 * 1024)}\n`;
  assert.throws(() => {
    for (let i = 0; i < 10; i += 1) parser.feed(line);
  }, RangeError);
});

test("letters that bytes cut in two are read whole, and the stream is given back at the end", async () => {
  const bytes = new TextEncoder().encode("data: gefährlich 猫\n\n");
  let cancelled = false;
  const stream = new ReadableStream({
    start: (controller) => bytes.forEach((byte) => controller.enqueue(Uint8Array.of(byte))),
    cancel: () => void (cancelled = true),
  });
  for await (const event of events(stream)) {
    assert.equal(event.data, "gefährlich 猫");
    break;
  }
  assert.ok(cancelled);
});
