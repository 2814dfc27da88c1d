import assert from "node:assert/strict";
import { test } from "node:test";

import { keep } from "../../../edge_runtime/page/static/dom.js";

/** As much of an element as `keep` uses, by the rules of the DOM: what is taken out of the tree loses the focus. */
class Fake {
  children = [];
  parent = null;
  attributes = {};
  moves = 0;

  getAttribute(name) {
    return this.attributes[name] ?? null;
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  get firstElementChild() {
    return this.children[0] ?? null;
  }
  get nextElementSibling() {
    return this.parent.children[this.parent.children.indexOf(this) + 1] ?? null;
  }
  contains(other) {
    return this === other || this.children.some((child) => child.contains(other));
  }
  focus() {
    document.activeElement = this;
  }
  remove() {
    if (this.contains(document.activeElement)) document.activeElement = null;
    this.parent?.children.splice(this.parent.children.indexOf(this), 1);
    this.parent = null;
  }
  insertBefore(child, place) {
    if (child.parent) this.moves += 1;
    child.remove();
    this.children.splice(place ? this.children.indexOf(place) : this.children.length, 0, child);
    child.parent = this;
  }
}
globalThis.HTMLElement = Fake;
globalThis.document = { activeElement: null };

const show = (parent, names) => keep(parent, names, String, () => new Fake());
const keys = (parent) => parent.children.map((child) => child.getAttribute("data-key"));

test("what comes and goes moves no other, wherever it stands", () => {
  const parent = new Fake();
  for (const names of ["abcd", "bcd", "xbcd", "xbd", "xbyd", "yd", "", "d"]) {
    show(parent, names);
    assert.deepEqual(keys(parent), [...names]);
  }
  assert.equal(parent.moves, 0);
});

test("an element stays the same, also where its place is another, and who is in it stays there", () => {
  const parent = new Fake();
  show(parent, "abc");
  const [a, b, c] = parent.children;
  c.focus();
  show(parent, "cab");
  assert.deepEqual(parent.children, [c, a, b]);
  assert.equal(document.activeElement, c);
});

test("two of one key are two elements, and no more with each drawing", () => {
  const parent = new Fake();
  for (let drawn = 0; drawn < 3; drawn += 1) show(parent, "aab");
  assert.deepEqual(keys(parent), ["a", "a", "b"]);
});

test("only what is there is updated", () => {
  const parent = new Fake();
  const updated = [];
  keep(parent, [1, 2], String, () => new Fake(), (element, item) => updated.push([element.getAttribute("data-key"), item]));
  assert.deepEqual(updated, [["1", 1], ["2", 2]]);
});
