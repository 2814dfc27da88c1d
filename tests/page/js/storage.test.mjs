import assert from "node:assert/strict";
import { test } from "node:test";

import { takeToken } from "../../../edge_runtime/page/static/api.js";
import { store, stored } from "../../../edge_runtime/page/static/storage.js";

function given(name, get) {
  Object.defineProperty(globalThis, name, { get, configurable: true });
}

function memory() {
  const values = new Map();
  return { getItem: (name) => values.get(name) ?? null, setItem: (name, value) => void values.set(name, value) };
}

const refused = () => {
  throw new DOMException("The operation is insecure.", "SecurityError");
};

test("what is stored is found again", () => {
  const one = memory();
  given("localStorage", () => one);
  store("localStorage", "a", "b");
  assert.equal(stored("localStorage", "a"), "b");
  assert.equal(stored("localStorage", "c"), null);
});

test("a browser that stores nothing has a page all the same: the token in its address holds", () => {
  given("sessionStorage", refused);
  given("location", () => ({ hash: "#token=secret", pathname: "/", search: "" }));
  given("history", () => ({ replaceState() {} }));
  assert.equal(takeToken(), "secret");
  given("location", () => ({ hash: "" }));
  assert.equal(takeToken(), "");
  store("sessionStorage", "a", "b");
  assert.equal(stored("sessionStorage", "a"), null);
});
