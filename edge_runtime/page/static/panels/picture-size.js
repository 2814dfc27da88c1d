// @ts-check
/**
 * How large a picture is, out of its first bytes: a small file may hold pixels that fill a browser's memory. Pure.
 *
 * PNG (W3C, 11.2.1 IHDR), GIF89a (18. logical screen descriptor), JPEG (ITU-T T.81, B.2.2 frame header), WebP (RFC 9649).
 */

/** @typedef {{width: number, height: number}} Size pixels */

/**
 * A browser goes by the bytes, whatever a message says that they are, and so does this.
 * @param {Uint8Array} bytes
 * @returns {Size | null} null when it is none of the four kinds, or broken
 */
export function pictureSize(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const begin = String.fromCharCode(...bytes.subarray(0, 16));
  try {
    if (begin.startsWith("\x89PNG\r\n\x1a\n")) return { width: view.getUint32(16), height: view.getUint32(20) };
    if (/^GIF8[79]a/.test(begin)) return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (begin.startsWith("\xff\xd8")) return jpegSize(view);
    if (/^RIFF[^]{4}WEBPVP8/.test(begin)) return webpSize(view, begin.slice(12, 16));
  } catch (error) {
    // It ends before its size.
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

/** @param {DataView} view @returns {Size | null} */
function jpegSize(view) {
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // fill bytes
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2; // stands alone
    } else if (marker === 0xd9 || marker === 0xda) {
      return null; // the end, or the picture itself, without a frame header
    } else {
      at += 2 + Math.max(2, view.getUint16(at + 2));
    }
  }
}

/** @param {DataView} view @param {string} chunk @returns {Size | null} */
function webpSize(view, chunk) {
  if (chunk === "VP8X") {
    const dimension = (/** @type {number} */ at) => 1 + view.getUint16(at, true) + view.getUint8(at + 2) * 65_536;
    return { width: dimension(24), height: dimension(27) };
  }
  if (chunk === "VP8L") {
    const bits = view.getUint32(21, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
  }
  return chunk === "VP8 " ? { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff } : null;
}
