import assert from "node:assert/strict";
import { test } from "node:test";

import { clock, duration, share } from "../../../edge_runtime/page/static/panels/figures.js";

test("durations are read at a glance", () => {
  const shown = [0.04, 0.3, 12.34, 999.4, 999.9, 1500, 59_990, 75_000, 3_600_000].map(duration);
  assert.deepEqual(shown, [
    "0.04 ms", "0.3 ms", "12 ms", "999 ms", "1.0 s", "1.5 s", "1 min 0 s", "1 min 15 s", "60 min 0 s",
  ]);
});

test("shares and times of day", () => {
  assert.equal(share(0.93449), "93.4 %");
  const noon = new Date(2026, 0, 3, 12, 4, 5).getTime();
  assert.equal(clock(noon, noon + 3_600_000), "12:04:05");
  assert.equal(clock(noon, noon + 24 * 3_600_000), "3 Jan 12:04:05");
  assert.equal(clock(NaN), "–");
});
