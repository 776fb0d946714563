// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * What single keys do; they can be switched off, for those who speak to their machine.
 *
 * @module
 */
import { get } from "./dom.js";

/** @import { List } from "./list.js" */
/** @import { ThresholdControl } from "./thresholds.js" */

const OFF = "adtr keys off"; // in localStorage

/** @param {{ list: List, threshold: ThresholdControl, pixel: ThresholdControl }} controls */
export function prepareKeys({ list, threshold, pixel }) {
  const help = get("help", HTMLDialogElement), on = get("keys-on", HTMLInputElement);
  const press = (/** @type {string} */ id) => () => get(id).click();
  const focus = (/** @type {string} */ id) => () => get(id).focus();
  const fade = (/** @type {number} */ by) => () => {
    const opacity = get("opacity", HTMLInputElement);
    opacity.value = String(opacity.valueAsNumber + by);
    opacity.dispatchEvent(new Event("input"));
  };
  /** By `event.key`. @type {Record<string, () => void>} */
  const keys = {
    ...{ o: press("open-files"), d: press("open-folder"), c: press("camera-open") },
    ...{ j: () => list.step(1), k: () => list.step(-1) },
    ...{
      "[": () => threshold.step(-1),
      "]": () => threshold.step(1),
      "{": () => pixel.step(-1),
      "}": () => pixel.step(1),
    },
    ...{ m: press("show-map"), l: press("show-outline"), b: press("show-boxes"), z: press("own-size") },
    ...{ "-": fade(-10), "+": fade(10), "=": fade(10) },
    ...{ r: press("again"), e: press("save-csv"), E: press("save-json"), p: press("save-view") },
    ...{ "/": focus("search"), t: () => threshold.focus(), s: focus("sort") },
    "?": () => help.showModal(),
  };

  on.checked = localStorage.getItem(OFF) === null;
  on.addEventListener(
    "change",
    () => on.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"),
  );
  get("help-open").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    const { target, key, ctrlKey, altKey, metaKey } = event;
    const writes = target instanceof HTMLSelectElement ||
      (target instanceof HTMLInputElement && !["range", "checkbox"].includes(target.type));
    if (!on.checked || ctrlKey || altKey || metaKey || writes || document.querySelector("dialog[open]")) {
      return;
    }
    if (!Object.hasOwn(keys, key)) return;
    event.preventDefault();
    keys[key]();
  });
}
