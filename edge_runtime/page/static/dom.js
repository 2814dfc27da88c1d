// @ts-check
/** Elements without HTML text: what comes from messages, twins and logs only ever becomes a text node or an attribute's value. */

const SVG = "http://www.w3.org/2000/svg";

/** Attributes that hold an address. Only those of our own page and of pictures made here may stand in them. */
const ADDRESSES = new Set(["href", "src", "action", "formaction", "xlink:href", "data", "poster"]);
const SAFE_ADDRESS = /^(?:#|blob:)/;

/** @typedef {Node | string | number | null | undefined | false} Child null, undefined and false are left out */
/** @typedef {Record<string, unknown>} Attributes `onclick: function` listens; true: present; false, null: absent; `dataset: {..}` */

/**
 * @param {Element} element
 * @param {string} name
 * @param {unknown} value
 */
export function set(element, name, value) {
  if (typeof value === "function") {
    if (!name.startsWith("on")) throw new TypeError(`${name}: a function is only for on...`);
    element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  } else if (/^on/i.test(name) || name === "style" || name === "srcdoc") {
    throw new TypeError(`${name}: text would be run or parsed`);
  } else if (name === "dataset") {
    Object.assign(/** @type {HTMLElement} */ (element).dataset, value);
  } else if (value === false || value === null || value === undefined) {
    element.removeAttribute(name);
  } else if (ADDRESSES.has(name) && !SAFE_ADDRESS.test(String(value))) {
    throw new TypeError(`${name}: only # and blob: addresses, not ${String(value).slice(0, 40)}`);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Attributes | null} attributes
 * @param {Child[]} children
 * @returns {E}
 */
function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) set(element, name, value);
  append(element, ...children);
  return element;
}

/**
 * An HTML element: `h("p", { class: "hint" }, "text", h("b", null, label))`.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes | null} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = null, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/**
 * An SVG element.
 *
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes | null} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = null, ...children) {
  return build(/** @type {SVGElementTagNameMap[T]} */ (document.createElementNS(SVG, tag)), attributes, children);
}

/**
 * @param {Element} element
 * @param {...Child} children
 */
export function append(element, ...children) {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
}

/**
 * All children of an element, anew.
 *
 * @param {Element} element
 * @param {...Child} children
 */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, ...children);
}

/**
 * Change an element's text only when it is another: an unchanged text node costs no layout and is not read out again.
 *
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Elements for items, kept by key: an element stays the same, keeps the focus and is only updated while its item is there.
 * Those that come and go move no other.
 *
 * @template T
 * @param {Element} parent holds nothing else
 * @param {Iterable<T>} items
 * @param {(item: T) => string} key
 * @param {(item: T) => Element} create
 * @param {(element: Element, item: T) => void} [update]
 */
export function keep(parent, items, key, create, update) {
  const wanted = [...items].map((item) => /** @type {const} */ ([key(item), item]));
  const old = keptOf(parent, new Set(wanted.map(([name]) => name)));
  let previous = /** @type {Element | null} */ (null);
  for (const [name, item] of wanted) {
    let element = old.get(name);
    if (element) {
      old.delete(name);
    } else {
      element = create(item);
      element.setAttribute("data-key", name);
    }
    const place = previous ? previous.nextElementSibling : parent.firstElementChild;
    if (place !== element) move(parent, element, place);
    update?.(element, item);
    previous = element;
  }
}

/** The children of these keys; all others are removed. @param {Element} parent @param {Set<string>} names */
function keptOf(parent, names) {
  /** @type {Map<string, Element>} */
  const kept = new Map();
  for (const child of [...parent.children]) {
    const name = child.getAttribute("data-key") ?? "";
    if (names.has(name) && !kept.has(name)) kept.set(name, child);
    else child.remove();
  }
  return kept;
}

/** @param {Element} parent @param {Element} element @param {Element | null} place before which it goes */
function move(parent, element, place) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(element, place);
  // What is taken out to be put elsewhere has lost it.
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
}
