import assert from "node:assert/strict";
import { test } from "node:test";

import { isTooDeep, laidOut } from "../../../edge_runtime/page/static/panels/json-text.js";
import { parsePasted, written } from "../../../edge_runtime/page/static/panels/verdict.js";

const nested = (levels) => "[".repeat(levels) + "]".repeat(levels);

test("JSON is laid out", () => {
  assert.equal(laidOut('{"a":[1]}', { a: [1] }), '{\n  "a": [\n    1\n  ]\n}');
});

test("what is nested too deeply stays as it is: it would throw, or become a thousand times as long", () => {
  for (const levels of [33, 4000, 100_000]) {
    const text = nested(levels);
    assert.equal(laidOut(text, JSON.parse(text)), text);
  }
  assert.equal(isTooDeep(nested(32)), false);
});

test("many lists beside each other are not deep, nor are brackets in texts", () => {
  assert.equal(isTooDeep(`[${"[],{},".repeat(100)}[]]`), false);
  assert.equal(isTooDeep(JSON.stringify({ text: `\\"${"[".repeat(100)}` })), false);
});

test("a deep body can be explained: it is written as its text", () => {
  const body = nested(100_000);
  const request = { module: "m", output: "o", sys: {}, app: {}, body };
  assert.equal(parsePasted(written(request)).body, body);
});
