import assert from "node:assert/strict";
import { test } from "node:test";

import { Bounded } from "../../../edge_runtime/page/static/panels/bounded.js";

test("the oldest go when there are too many, or too many bytes", () => {
  const bounded = new Bounded(3, 10, (text) => text.length);
  for (const item of ["a", "b", "c"]) assert.deepEqual(bounded.push(item), []);
  assert.deepEqual(bounded.push("d"), ["a"]);
  assert.deepEqual(bounded.push("12345678"), ["b"]);
  assert.deepEqual(bounded.push("xx"), ["c", "d"]);
  assert.deepEqual(bounded.push("yyyyyyyyyyyyyyyyyy"), ["12345678", "xx"]);
  assert.equal(bounded.bytes, 18);
  assert.deepEqual(bounded.items, ["yyyyyyyyyyyyyyyyyy"]);
  assert.deepEqual(bounded.clear(), ["yyyyyyyyyyyyyyyyyy"]);
  assert.equal(bounded.bytes, 0);
});
