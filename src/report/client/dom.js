// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Short names for what the page's script does to elements all the time. Texts are only ever set as texts, never as HTML.
 *
 * @module
 */

/**
 * The element of an id. Those that a page may lack are asked for by `find`.
 *
 * @template {HTMLElement} [T=HTMLElement] @param {string} id @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`Expected an element ${id} in the page, but found none`);
  return /** @type {T} */ (element);
}

/** @param {string} selector */
export function all(selector) {
  return /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]);
}

/**
 * A new element.
 *
 * @template {keyof HTMLElementTagNameMap} K @param {K} tag
 * @param {Record<string, string>} attributes @param {(Node | string)[]} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A colour of the page's theme. @param {string} name */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A score, to four significant digits. @param {number} value */
export function shownScore(value) {
  return String(Number(value.toPrecision(4)));
}

/** A fraction to three digits, or a dash. @param {number | null} value */
export function shownFraction(value) {
  return value === null ? "–" : value.toFixed(3);
}

/** Calls `redraw` when the colours of the page have changed: dark, light or print. @param {() => void} redraw */
export function onTheme(redraw) {
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", redraw);
  }
}
