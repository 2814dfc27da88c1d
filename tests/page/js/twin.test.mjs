import assert from "node:assert/strict";
import { test } from "node:test";

import { patched, propertiesOf, same } from "../../../edge_runtime/page/static/control/twin.js";

const ack = (value, ac, av, ad = "twin") => ({ value, ac, av, ad });
const VERDICTS = [
  ["applied", 5, ack(5, 200, 3), 3, "applied (200) at version 3: twin"],
  ["applied", { a: [1, 2], b: "x" }, ack({ b: "x", a: [1, 2] }, 200, 3), 4, "applied (200) at version 3: twin"],
  ["applied", "***", ack("anything", 200, 3, ""), 3, "applied (200) at version 3"],
  ["waiting", 5, ack(4, 200, 2), 3, "waiting for the module; in force: 4"],
  ["other", 5, ack(4, 200, 3), 3, "in force: 4 (200 at version 3: twin)"],
  ["refused", -1, ack(4, 400, 3, "0 at least"), 3, "refused (400) at version 3: 0 at least; in force: 4"],
  ["none", 5, undefined, 3, "not acknowledged"],
  ["none", 5, { value: 5 }, 3, "not acknowledged"],
  ["other", undefined, ack(2, 200, 1, "environment"), 3, "in force: 2 (environment)"],
  ["other", undefined, { ac: 200, av: 1 }, 3, "in force: not set"],
];
for (const [verdict, desired, reported, version, text] of VERDICTS) {
  test(`${JSON.stringify(desired)}, acknowledged with ${JSON.stringify(reported)}: ${verdict}`, () => {
    const twin = {
      desired: desired === undefined ? {} : { fps: desired },
      reported: reported === undefined ? {} : { fps: reported },
      version,
    };
    const [property] = propertiesOf(twin);
    assert.deepEqual([property.verdict, property.text, property.set], [verdict, text, desired !== undefined]);
  });
}

// Of a property that was set with version 4.
const SINCE = [
  ["waiting", "***", ack("***", 200, 3), 4, "waiting for the module; in force: \"***\""],
  ["applied", "***", ack("***", 200, 4, ""), 4, "applied (200) at version 4"],
  ["waiting", 5, ack(4, 400, 3, "-1"), 4, "waiting for the module; in force: 4"],
  ["refused", 5, ack(4, 400, 4, "too fast"), 6, "refused (400) at version 4: too fast; in force: 4"],
  ["waiting", 5, ack(5, 200, 3), 6, "waiting for the module; in force: 5"],
  ["other", 5, ack(4, 200, 4), 6, "in force: 4 (200 at version 4: twin)"],
  ["waiting", 5, ack(5, 202, 4, "soon"), 4, "accepted (202) at version 4: soon; in force: 5"],
  ["waiting", undefined, ack(5, 200, 3), 4, "waiting for the module; in force: 5"],
  ["other", undefined, ack(2, 200, 4, "default"), 5, "in force: 2 (default)"],
  ["none", 5, undefined, 4, "not acknowledged"],
];
for (const [verdict, desired, reported, version, text] of SINCE) {
  test(`${JSON.stringify(desired)}, set with version 4, acknowledged with ${JSON.stringify(reported)}: ${verdict}`, () => {
    const twin = { desired: desired === undefined ? {} : { fps: desired }, reported: reported ? { fps: reported } : {}, version };
    const [property] = propertiesOf(twin, new Map([["fps", 4]]));
    assert.deepEqual([property.verdict, property.text], [verdict, text]);
  });
}

test("marks that turn the line are shown, not obeyed", () => {
  const twin = { desired: { fps: 1 }, reported: { fps: ack("a\u202eb", 400, 1, "\u2067no") }, version: 1 };
  assert.equal(propertiesOf(twin)[0].text, 'refused (400) at version 1: ‹U+2067›no; in force: "a‹U+202E›b"');
});

test("properties stand by their names, `$` and what is no acknowledgement not at all", () => {
  const twin = {
    desired: { z: 1, b: 2, $version: 4, $metadata: {} },
    reported: { a: ack(1, 200, 1), state: "running", counts: { sent: 3 }, $version: 9, b: ack(2, 200, 4) },
    version: 4,
  };
  assert.deepEqual(propertiesOf(twin).map((one) => one.name), ["a", "b", "z"]);
});

test("a long value is not told whole", () => {
  const twin = { desired: {}, reported: { a: ack("x".repeat(5000), 200, 1) }, version: 1 };
  assert.ok(propertiesOf(twin)[0].text.length < 120);
});

test("a patch deletes, merges and replaces, and never touches what it is given", () => {
  const section = { keep: 1, gone: 2, inner: { a: 1, b: 2 }, list: [1, 2] };
  const before = structuredClone(section);
  const patch = { gone: null, inner: { b: null, c: 3 }, list: [3], fresh: { x: null, y: 1 } };
  assert.deepEqual(patched(section, patch), { keep: 1, inner: { a: 1, c: 3 }, list: [3], fresh: { y: 1 } });
  assert.deepEqual(section, before);
});

test("a property with the name of a prototype is a property", () => {
  const patch = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}');
  const result = patched({}, patch);
  assert.deepEqual(Object.keys(result), ["__proto__", "constructor"]);
  assert.equal({}.polluted, undefined);
  assert.equal(propertiesOf({ desired: result, reported: {}, version: 1 }).length, 2);
});

test("the same JSON is the same, whatever the order", () => {
  assert.ok(same({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }));
  for (const [a, b] of [[1, "1"], [[1], { 0: 1 }], [{ a: 1 }, { b: 1 }], [null, {}], [[1, 2], [2, 1]], [{}, { a: 1 }]]) {
    assert.ok(!same(a, b), JSON.stringify([a, b]));
  }
});
