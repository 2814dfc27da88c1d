import assert from "node:assert/strict";
import { test } from "node:test";

import * as page from "../../../edge_runtime/page/static/panels/verdict.js";
import { message } from "./messages.mjs";

const ROUTE = "FROM /messages/modules/m/outputs/out\nWHERE alert = 'yes' AND $body.t > 5 INTO $upstream";

function verdict(deciding, given = {}) {
  return { name: "r", text: ROUTE, matched: false, sourceMatched: true, condition: "false", deciding, operands: [], notes: [], ...given };
}

test("the part that decided is marked where it stands", () => {
  const part = { text: "$body.t > 5", line: 2, column: 25, value: "false" };
  assert.deepEqual(page.marked(verdict(part)), {
    before: "FROM /messages/modules/m/outputs/out\nWHERE alert = 'yes' AND ",
    marked: "$body.t > 5",
    after: " INTO $upstream",
  });
  assert.equal(page.reason(verdict(part)), "the condition is false: $body.t > 5 is false");
  assert.equal(page.place(part), "line 2, column 25");
});

test("columns count characters, as the runtime does", () => {
  const text = "FROM /* WHERE a = '😀😀' AND b INTO $upstream";
  const column = [...text.slice(0, text.indexOf("b INTO"))].length + 1;
  const found = page.marked(verdict({ text: "b", line: 1, column, value: "undefined" }, { text }));
  assert.equal(found.after, " INTO $upstream");
});

test("a place that the text does not have marks nothing", () => {
  for (const [line, column] of [[1, 1], [9, 1], [2, 999], [0, 0]]) {
    const found = page.marked(verdict({ text: "alert", line, column, value: "x" }));
    assert.deepEqual(found, { before: ROUTE, marked: "", after: "" });
  }
  assert.equal(page.marked(verdict(null)).marked, "");
});

test("reasons", () => {
  const always = { text: "true", line: 1, column: 1, value: "true" };
  assert.match(page.reason(verdict(always, { text: "FROM /* INTO $upstream", condition: "true" })), /no WHERE/);
  const text = "FROM /* WHERE true INTO $upstream";
  const literal = verdict({ ...always, column: 15 }, { text, condition: "true" });
  assert.equal(page.reason(literal), "the condition is true: true is true");
  const part = { text: "as_number(t)", line: 2, column: 7, value: "undefined" };
  assert.equal(page.reason(verdict(part, { condition: "undefined" })), "the condition is undefined, which takes no message: as_number(t) is undefined");
});

test("operands of another shape are left out", () => {
  const operands = [{ text: "$body.t", value: "4" }, null, 5, { text: 5 }, { text: "x", value: 7 }];
  assert.deepEqual(page.operands(verdict(null, { operands })), [{ text: "$body.t", value: "4" }, { text: "x", value: "7" }]);
});

test("a message can be pasted in every form that the runtime prints", () => {
  const wanted = { module: "m", output: "out", sys: { contentType: "application/json" }, app: { a: "b" } };
  assert.deepEqual(page.parsePasted(JSON.stringify({ ...wanted, body: { t: 1 } })), { ...wanted, body: { t: 1 } });
  const live = message({ sys: wanted.sys, app: wanted.app, body: '{"t": 1}' });
  assert.deepEqual(page.requestOf(live), { ...wanted, body: '{"t": 1}' });
  assert.deepEqual(page.parsePasted(JSON.stringify(live)), { ...wanted, body: '{"t": 1}' });
  const arrived = {
    id: 1, moduleId: "m", output: "out", body: { t: 1 }, properties: { a: "b" },
    systemProperties: { "content-type": "application/json" },
  };
  assert.deepEqual(page.parsePasted(JSON.stringify(arrived)), { ...wanted, body: '{"t":1}' });
  assert.deepEqual(page.parsePasted("{}"), { module: null, output: null, sys: {}, app: {}, body: null });
});

test("what is written can be pasted again, with a body that people can edit", () => {
  const request = { module: "m", output: null, sys: {}, app: { a: "b" }, body: '{"t": 1}' };
  assert.deepEqual(page.parsePasted(page.written(request)), { ...request, body: { t: 1 } });
  for (const body of ["no JSON", '"a text"', "5", null]) {
    assert.deepEqual(page.parsePasted(page.written({ ...request, body })).body, body);
  }
});

test("what is wrong is said, with the mend", () => {
  const cases = [
    ["", /paste a message/],
    ["{", /^This is no JSON/],
    ['{"a": 1}\n{"a": 2}', /one message at a time/],
    ["[]", /one JSON object/],
    ["null", /one JSON object/],
    ['{"module": 5}', /"module" is 5/],
    ['{"app": [1]}', /"app" is \[1\]/],
    ['{"sys": {"a": 1}}', /"sys.a" is 1: properties are text/],
  ];
  for (const [pasted, wanted] of cases) {
    assert.throws(() => page.parsePasted(pasted), (error) => {
      assert.ok(error instanceof page.PastedMessageError);
      assert.match(error.message, wanted);
      return true;
    }, pasted);
  }
});

test("a message whose body was left out is explained with a warning", () => {
  assert.equal(page.caveat(message({ body: "{}" })), "");
  assert.match(page.caveat(message({ bodyOmitted: "sample_bytes" })), /without its body \(sample_bytes\)/);
});
