import assert from "node:assert/strict";
import { test } from "node:test";

import { missedText } from "../../../edge_runtime/page/static/header.js";

test("what was left out is told, and nothing when it was nothing", () => {
  assert.equal(missedText(0), "");
  assert.equal(missedText(1), "1 event was left out: this page was too slow.");
  assert.equal(missedText(1204), "1,204 events were left out: this page was too slow.");
});
