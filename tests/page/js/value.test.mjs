import assert from "node:assert/strict";
import { test } from "node:test";

import { changeOf, readAs, shownAs } from "../../../edge_runtime/page/static/control/value.js";
import { patched } from "../../../edge_runtime/page/static/control/twin.js";

const read = (type, text, shown) => readAs("fps", type, text, shown);

const UNTOUCHED = {
  "a secret": shownAs("***"),
  "a part of a secret": shownAs("rtsp://***@camera/1"),
  "a text that is not set": shownAs(undefined, "drawn"),
  "yes or no that is not set": shownAs(undefined, true),
  "a number that is not set": shownAs(undefined, 5),
  "nothing known": shownAs(undefined),
  "a value as it is": shownAs("night"),
};
for (const [name, shown] of Object.entries(UNTOUCHED)) {
  test(`nothing is sent of ${name} when nobody has typed`, () => {
    assert.throws(() => read(shown.type, shown.text, shown), /fps: nothing was changed/);
  });
}

test("a secret is hidden, and no choice of a type makes it empty", () => {
  const shown = shownAs("***");
  assert.deepEqual(shown, { type: "automatic", text: "", placeholder: "hidden: type to replace", hidden: true });
  for (const type of ["text", "number", "JSON", "yes or no"]) {
    assert.throws(() => read(type, "", shown), /the hidden one stays/);
  }
  assert.throws(() => read("text", "  ", shown), /the hidden one stays/);
  assert.equal(read("automatic", "12", shown), 12, "a number that is hidden by its name stays one");
  assert.equal(read("automatic", "new words", shown), "new words");
  assert.equal(read("JSON", '""', shown), "", "whoever means it writes it");
});

test("what is not set shows what is in force, with its type", () => {
  assert.deepEqual(shownAs(undefined, 0.25), { type: "number", text: "", placeholder: "0.25", hidden: false });
  assert.deepEqual(shownAs(undefined, true), { type: "yes or no", text: "", placeholder: "true", hidden: false });
  assert.deepEqual(shownAs(undefined, "drawn"), { type: "text", text: "", placeholder: "drawn", hidden: false });
  assert.deepEqual(shownAs(undefined, [1, 2]), { type: "JSON", text: "", placeholder: "[1,2]", hidden: false });
  assert.deepEqual(shownAs(undefined, null), { type: "automatic", text: "", placeholder: "", hidden: false });
  assert.deepEqual(shownAs(undefined, { password: "***" }), { type: "JSON", text: "", placeholder: "hidden", hidden: false });
});

const TYPED = [
  [shownAs(false), "yes or no", "true", true],
  [shownAs(undefined, true), "yes or no", "false", false],
  [shownAs(5), "number", " 7.5 ", 7.5],
  [shownAs("night"), "text", "", ""],
  [shownAs("night"), "text", "5", "5"],
  [shownAs(5), "text", "5", "5"],
  [shownAs(undefined), "automatic", "5", 5],
  [shownAs(undefined), "automatic", "five", "five"],
  [shownAs(undefined), "text", "", ""],
  [shownAs({ a: 1 }), "JSON", '{"a": [2]}', { a: [2] }],
];
for (const [shown, type, text, value] of TYPED) {
  test(`${JSON.stringify(text)} typed as ${type} over ${JSON.stringify(shown.text)} is ${JSON.stringify(value)}`, () => {
    assert.deepEqual(read(type, text, shown), value);
  });
}

const REFUSED = [
  ["number", "", /type a value first/],
  ["number", "five", /a number is needed/],
  ["yes or no", "", /choose true or false/],
  ["JSON", "{", /fps is no JSON/],
  ["JSON", "null", /Remove deletes/],
  ["automatic", " null ", /Remove deletes/],
];
for (const [type, text, why] of REFUSED) {
  test(`${JSON.stringify(text)} typed as ${type} is refused in words`, () => {
    assert.throws(() => read(type, text, shownAs("before")), why);
  });
}

test("what was typed over an object is what it becomes", () => {
  const CASES = [
    [{ x: 1, y: 2 }, { x: 1 }],
    [{ x: 1 }, {}],
    [{ x: 1, list: [1, 2] }, { x: 2, list: [3] }],
    [{ inner: { a: 1, b: { c: 2, d: 3 } } }, { inner: { b: { d: 4 } } }],
    [{ inner: { a: 1 } }, { inner: [1] }],
    [{ inner: 5 }, { inner: { a: 1 } }],
    [{ x: 1 }, JSON.parse('{"__proto__": {"a": 1}, "x": 1}')],
  ];
  for (const [shown, typed] of CASES) {
    const section = patched({ region: shown }, { region: changeOf(shown, shown, typed) });
    assert.deepEqual(section, { region: typed });
  }
});

test("what others set of an object meanwhile stays, and so do secrets, unless null is written", () => {
  const shown = { user: "a", password: "***", tries: 3 };
  const current = { ...shown, host: "camera" };
  assert.deepEqual(changeOf(shown, current, { user: "b" }), { user: "b", tries: null });
  assert.deepEqual(changeOf(shown, current, { user: "a", password: "***", tries: 3 }), {});
  assert.deepEqual(changeOf(shown, current, { user: "a", password: null, tries: 3 }), { password: null });
});

test("an object that is not there any more is set whole", () => {
  assert.deepEqual(changeOf({ x: 1, y: 2 }, undefined, { x: 1, y: 3 }), { x: 1, y: 3 });
  assert.deepEqual(changeOf({ x: 1 }, { x: 1 }, [1]), [1]);
  assert.deepEqual(changeOf(undefined, undefined, { x: 1 }), { x: 1 });
});
