import assert from "node:assert/strict";
import { test } from "node:test";

import * as page from "../../../edge_runtime/page/static/panels/message.js";
import { TRACE, message, time } from "./messages.mjs";

test("a time keeps its microseconds, and anything else is no time", () => {
  assert.equal(page.millis("1970-01-01T00:00:01.234567Z"), 1234.567);
  assert.equal(page.millis("1970-01-01T01:00:01+01:00"), 1000);
  assert.equal(page.millis("1970-01-01 00:00:01.5Z"), 1500);
  for (const wrong of ["", "now", "1970-01-01", 5, null, undefined, "1970-99-01T00:00:00Z"]) {
    assert.ok(Number.isNaN(page.millis(wrong)), String(wrong));
  }
});

test("an arrived event reads as the live message does", () => {
  const arrived = page.arrivedMessage({
    id: 7,
    sequence: 3,
    enqueuedTime: "2026-01-01T00:00:00.000Z",
    deviceId: "edge",
    moduleId: "filter",
    output: "events",
    body: { label: "cat" },
    properties: { schema: "event/1", traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, empty: null },
    systemProperties: { "message-id": "e1", "content-type": "application/json", "iothub-enqueuedtime": "t" },
  });
  assert.equal(arrived.trace, TRACE);
  assert.equal(arrived.arrivedId, 7);
  assert.deepEqual({ ...arrived.sys }, { messageId: "e1", contentType: "application/json", "iothub-enqueuedtime": "t" });
  assert.deepEqual({ ...arrived.app }, { schema: "event/1", traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, empty: "" });
  assert.equal(page.jsonBody(arrived).label, "cat");
  const live = message({ module: "filter", output: "events", sys: { messageId: "e1" } });
  assert.equal(page.isArrivalOf(arrived, live), true);
});

const arrivedAt = (ms, given = {}) => page.arrivedMessage({ id: 1, enqueuedTime: time(ms), moduleId: "m", output: "out", ...given });

test("a counter that began anew names another message: what arrived before cannot be it", () => {
  const live = message({ at: 60_000, sys: { messageId: "1" } });
  const named = { systemProperties: { "message-id": "1" } };
  assert.deepEqual([0, 59_000, 60_000, 90_000].map((ms) => page.isArrivalOf(arrivedAt(ms, named), live)), [false, false, true, true]);
  assert.equal(page.isArrivalOf(arrivedAt(90_000, { ...named, moduleId: "other" }), live), false);
});

test("a message without an id is known by what it says", () => {
  const sys = { contentType: "application/json" };
  const live = message({ at: 10, sys, app: { room: "a" }, body: '{"t": 1.0}' });
  const fits = (given) => {
    return page.isArrivalOf(arrivedAt(20, { systemProperties: { "content-type": "application/json" }, ...given }), live);
  };
  assert.equal(fits({ properties: { room: "a" }, body: { t: 1 } }), true);
  assert.equal(fits({ properties: { room: "b" }, body: { t: 1 } }), false);
  assert.equal(fits({ properties: { room: "a" }, body: { t: 2 } }), false);
  assert.equal(fits({ properties: { room: "a" }, bodyBase64: "AA==" }), false);
});

test("what became of a message is told by sender, output and id together", () => {
  const one = message({ sys: { messageId: "1" } });
  const outcome = { module: "m", output: "out", messageId: "1" };
  assert.equal(page.isOutcomeOf(outcome, one), true);
  for (const other of [{ module: "n" }, { output: null }, { messageId: null }]) {
    assert.equal(page.isOutcomeOf({ ...outcome, ...other }, one), false);
  }
  assert.equal(page.isOutcomeOf({ ...outcome, messageId: null }, message()), true);
});

test("messages without an id are told apart, and keep their number upstream", () => {
  const [one, two] = [{ id: 1 }, { id: 2 }].map(page.arrivedMessage);
  assert.notEqual(page.keyOf(one), page.keyOf(two));
  assert.notEqual(one.trace, two.trace);
  assert.notEqual(page.keyOf(message()), page.keyOf(message()));
  assert.equal(page.traceOf("00-short-1-01", "id"), "id");
});

test("nonsense from upstream becomes an empty message", () => {
  for (const nonsense of [null, 5, "x", [], { properties: 4, systemProperties: [], body: null, moduleId: {} }]) {
    const read = page.arrivedMessage(nonsense);
    assert.equal(read.module, null);
    assert.deepEqual(Object.keys(read.app), []);
  }
});

test("a body is JSON when its content type says so and it is", () => {
  const kind = (given) => page.bodyOf(message(given)).kind;
  const json = { contentType: "application/json; charset=utf-8" };
  assert.equal(kind({ sys: json, body: "[1]" }), "json");
  assert.equal(kind({ sys: { contentType: "application/cloudevents+json" }, body: "{}" }), "json");
  assert.equal(kind({ sys: json, body: "{" }), "text");
  assert.equal(kind({ sys: { contentType: "text/plain" }, body: "{}" }), "text");
  assert.equal(kind({ bodyBase64: "AA==" }), "binary");
  assert.equal(kind({ bodyOmitted: "too large" }), "omitted");
  assert.equal(kind({}), "empty");
});

test("hostile names are names like any other", () => {
  const body = '{"__proto__": {"label": "evil"}, "constructor": 1}';
  const read = page.jsonBody(message({ sys: { contentType: "application/json" }, body }));
  assert.equal(read.label, undefined);
  assert.equal(read.toString, undefined);
  assert.deepEqual(Object.keys(read), ["__proto__", "constructor"]);
  const arrived = page.arrivedMessage(JSON.parse('{"properties": {"__proto__": "x", "a": "b"}}'));
  assert.deepEqual(Object.keys(arrived.app), ["__proto__", "a"]);
  assert.equal({}.label, undefined);
});

test("pictures are of four kinds, and SVG, which is a program, is none of them", () => {
  const type = (contentType) => page.pictureType(message({ sys: { contentType } }));
  assert.equal(type("image/PNG"), "image/png");
  assert.equal(type("image/jpeg; q=1"), "image/jpeg");
  for (const other of ["image/svg+xml", "text/html", "", "image/x"]) assert.equal(type(other), null);
});

test("base64 gives bytes, and what is no base64 nothing", () => {
  assert.deepEqual(page.bytesOf("AP8="), new Uint8Array([0, 255]));
  assert.equal(page.bytesOf("<script>"), null);
});
