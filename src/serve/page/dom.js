// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Elements of index.html by their ids, and drawing once a frame.
 *
 * @module
 */

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id @param {new () => T} [kind]
 * @returns {T}
 */
export function get(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof (kind ?? HTMLElement))) {
    throw new Error(`Expected an element ${id} in index.html, but found none of its kind`);
  }
  return /** @type {T} */ (element);
}

/**
 * A function that has `draw` called before the next frame: once, however often it is asked until then.
 *
 * @param {() => void} draw
 * @returns {() => void}
 */
export function beforeNextFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
