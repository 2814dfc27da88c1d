// @ts-check
/** Pictures out of messages: object URLs of what is one of four kinds of picture, given back when nobody shows them. */

import { bytesOf, pictureType } from "./message.js";
import { pictureSize } from "./picture-size.js";

/** @typedef {import("./message.js").Message} Message */
/** @typedef {typeof import("../dom.js")} Dom */

/** Pixels of the longer side up to which a picture is shown with its pixels as they are, larger than it is. */
const SMALL = 128;
/** A photograph of twelve million; each takes four bytes, and there are 30 cards. */
const MOST_PIXELS = 4000 * 3000;

/**
 * @param {Message} message
 * @returns {string | null} an object URL, to be revoked; null when the body is no picture, is too large, or was left out
 */
export function pictureUrl(message) {
  const type = pictureType(message);
  const bytes = type && message.bodyBase64 ? bytesOf(message.bodyBase64) : null;
  return type && bytes && !isTooLarge(bytes) ? URL.createObjectURL(new Blob([bytes], { type })) : null;
}

/**
 * Whether a picture has more pixels than may be shown, or does not tell how many.
 * @param {Uint8Array} bytes
 */
export function isTooLarge(bytes) {
  const size = pictureSize(bytes);
  const pixels = size === null ? NaN : size.width * size.height;
  return !(pixels > 0 && pixels <= MOST_PIXELS);
}

/**
 * @param {Dom} dom
 * @param {string | null} url
 * @param {string} description
 */
export function picture({ h }, url, description) {
  if (url === null) return h("span", { class: "no-picture" }, "no picture that can be shown");
  const image = h("img", { src: url, alt: description, draggable: "false" });
  image.addEventListener("load", () => {
    image.classList.toggle("small", Math.max(image.naturalWidth, image.naturalHeight) <= SMALL);
  });
  image.addEventListener("error", () => {
    image.replaceWith(h("span", { class: "no-picture" }, "the picture cannot be decoded"));
  });
  return image;
}
