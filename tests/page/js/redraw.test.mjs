import assert from "node:assert/strict";
import { test } from "node:test";

import { redraw } from "../../../edge_runtime/page/static/redraw.js";

test("what was taken out of the page is watched no more, and not drawn", () => {
  const watched = [];
  globalThis.IntersectionObserver = class {
    constructor(told) {
      this.told = told;
      watched.push(this);
    }

    observe(element) {
      this.element = element;
    }

    disconnect() {
      this.element = null;
    }
  };
  const frames = [];
  globalThis.requestAnimationFrame = (run) => frames.push(run);
  const element = { isConnected: true };
  let drawn = 0;
  const draw = redraw(element, () => (drawn += 1));
  const [observer] = watched;
  observer.told([{ isIntersecting: true }]);
  draw();
  frames.shift()();
  assert.deepEqual([drawn, observer.element], [1, element]);
  element.isConnected = false;
  observer.told([{ isIntersecting: false }]);
  draw();
  assert.deepEqual([frames.length, observer.element], [0, null]);
});
