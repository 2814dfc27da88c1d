import assert from "node:assert/strict";
import { test } from "node:test";

import { isTooLarge } from "../../../edge_runtime/page/static/panels/picture.js";
import { pictureSize } from "../../../edge_runtime/page/static/panels/picture-size.js";

const ascii = (text) => [...text].map((character) => character.charCodeAt(0));
const sizeOf = (...bytes) => pictureSize(Uint8Array.from(bytes.flat()));
const png = (width, height) => {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, ...ascii("PNG\r\n\x1a\n"), 0, 0, 0, 13, ...ascii("IHDR")]);
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return [...bytes];
};

test("each kind of picture tells its size", () => {
  assert.deepEqual(sizeOf(png(320, 240)), { width: 320, height: 240 });
  assert.deepEqual(sizeOf(ascii("GIF89a"), [0x40, 0x01, 0xf0, 0x00]), { width: 320, height: 240 });
  const lossy = [...ascii("RIFF"), 0, 0, 0, 0, ...ascii("WEBPVP8 "), 0, 0, 0, 0, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00];
  assert.deepEqual(sizeOf(lossy), { width: 320, height: 240 });
  const bits = 319 | (239 << 14);
  const lossless = [...ascii("RIFF"), 0, 0, 0, 0, ...ascii("WEBPVP8L"), 0, 0, 0, 0, 0x2f, ...[0, 8, 16, 24].map((by) => (bits >> by) & 255)];
  assert.deepEqual(sizeOf(lossless), { width: 320, height: 240 });
  const extended = [...ascii("RIFF"), 0, 0, 0, 0, ...ascii("WEBPVP8X"), 10, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0x01, 0, 0xef, 0, 0x01];
  assert.deepEqual(sizeOf(extended), { width: 320, height: 65_536 + 240 });
});

test("a JPEG's size is behind its other segments, also of a progressive one", () => {
  const application = [0xff, 0xe0, 0, 4, 1, 2];
  const tables = [0xff, 0xff, 0xc4, 0, 3, 9];
  for (const marker of [0xc0, 0xc2]) {
    const frame = [0xff, marker, 0, 17, 8, 0, 240, 1, 64, 3];
    assert.deepEqual(sizeOf([0xff, 0xd8], application, tables, frame), { width: 320, height: 240 });
  }
  assert.equal(sizeOf([0xff, 0xd8], application, [0xff, 0xda, 0, 4]), null);
  assert.equal(sizeOf([0xff, 0xd8], [0, 0, 0, 0]), null);
});

test("what is no picture has no size, also one that ends too soon", () => {
  assert.equal(sizeOf(ascii("<svg xmlns='http://www.w3.org/2000/svg'/>")), null);
  assert.equal(sizeOf(ascii("BM"), new Array(40).fill(0)), null);
  assert.equal(sizeOf(), null);
  for (const kind of [png(9, 9), ascii("GIF89a"), [0xff, 0xd8, 0xff], ascii("RIFF....WEBPVP8 ")]) {
    assert.equal(sizeOf(kind.slice(0, 16)), null);
  }
});

test("a picture whose pixels would fill the memory is not shown, nor one that tells none", () => {
  assert.equal(isTooLarge(Uint8Array.from(png(4000, 3000))), false);
  assert.equal(isTooLarge(Uint8Array.from(png(30_000, 30_000))), true);
  assert.equal(isTooLarge(Uint8Array.from(png(0, 5))), true);
  assert.equal(isTooLarge(Uint8Array.from(ascii("<svg/>"))), true);
});
