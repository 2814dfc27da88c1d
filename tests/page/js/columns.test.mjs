import assert from "node:assert/strict";
import { test } from "node:test";

import { CELL, COLUMNS, columns, preview } from "../../../edge_runtime/page/static/panels/columns.js";
import { message } from "./messages.mjs";

test("columns are the properties that most messages have, in a message's order", () => {
  const messages = [
    message({ app: { schema: "x/1", room: "k", unit: "C", traceparent: "t" } }),
    message({ app: { room: "l", rare: "1" } }),
  ];
  assert.deepEqual(columns(messages), ["room", "unit", "rare"]);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`p${index}`, "v"]));
  assert.equal(columns([message({ app: many }), message({ app: { p29: "v" } })]).length, COLUMNS);
  assert.ok(columns([message({ app: many }), message({ app: { p29: "v" } })]).includes("p29"));
});

test("the body's beginning, whatever it is", () => {
  const json = { contentType: "application/json" };
  assert.equal(preview(message({ sys: json, body: '{\n  "a": 1\n}' })), '{ "a": 1 }');
  assert.equal(preview(message({ body: "x".repeat(1e6) })).length, CELL);
  assert.equal(preview(message({ sys: { contentType: "image/png" }, bodyBase64: "AA==" })), "image/png");
  assert.equal(preview(message({ bodyOmitted: "too_large" })), "left out: too_large");
  assert.equal(preview(message()), "");
});
