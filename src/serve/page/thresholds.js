// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * A threshold as a slider, as a number, and back to the model's; and the histogram of scores above the slider.
 *
 * @module
 */
import { get } from "./dom.js";

/** @import { Threshold } from "./types.js" */

const STEPS = 1000, BINS = 48, HEIGHT = 20;
const SVG = "http://www.w3.org/2000/svg";

/** How each way to find a threshold is told. @type {Record<string, (threshold: Threshold) => string>} */
const WAYS = {
  "normal-quantile": ({ at, images }) => `the ${at} quantile of ${images} held-out normal images`,
  f1: ({ images }) => `best F1 on ${images} test images, whose labels were used`,
  fpr: ({ at, images }) => `false-positive rate of ${at} on ${images} test images, whose labels were used`,
  given: () => "given by hand",
};

export class ThresholdControl {
  #range;
  #number;
  #from;
  #reset;
  /** @type {{ low: number, high: number }} */
  #ends = { low: 0, high: 1 };

  /** @param {string} id of the slider, which begins the others' @param {(value: number | undefined) => void} onChange undefined: the model's */
  constructor(id, onChange) {
    this.#range = get(id, HTMLInputElement);
    this.#number = get(`${id}-number`, HTMLInputElement);
    this.#from = get(`${id}-from`);
    this.#reset = get(`${id}-reset`, HTMLButtonElement);
    this.#range.addEventListener("input", () => {
      const { low, high } = this.#ends, value = low + (high - low) * Number(this.#range.value) / STEPS;
      onChange(Number(value.toPrecision(5)));
    });
    this.#number.addEventListener("change", () => {
      if (Number.isFinite(this.#number.valueAsNumber)) onChange(this.#number.valueAsNumber);
    });
    this.#reset.addEventListener("click", () => {
      onChange(undefined);
      this.#range.focus(); // the button goes
    });
  }

  /** One step of the slider, as its arrow keys do. @param {1 | -1} by */
  step(by) {
    this.#range.value = String(Number(this.#range.value) + 5 * by);
    this.#range.dispatchEvent(new Event("input"));
  }

  focus() {
    this.#range.focus();
  }

  /**
   * @param {{ low: number, high: number }} ends @param {number | null} value in effect @param {Threshold | null} own the model's
   */
  show(ends, value, own) {
    this.#ends = ends;
    const at = value === null ? 1 : (value - ends.low) / (ends.high - ends.low);
    this.#range.value = String(Math.round(at * STEPS));
    this.#range.ariaValueText = value === null ? "none" : format(value);
    if (document.activeElement !== this.#number) {
      this.#number.value = value === null ? "" : String(Number(value.toPrecision(6)));
    }
    this.#from.textContent = own === null
      ? value === null ? "The model has none: move the slider to set one." : "Set here; the model has none."
      : value === own.value
      ? `The model’s: ${format(own.value)}, ${WAYS[own.from](own)}.`
      : `Set here; the model’s is ${format(own.value)}.`;
    this.#reset.hidden = own === null || value === own.value;
  }
}

/** @param {number} value */
export function format(value) {
  return String(Number(value.toPrecision(4)));
}

/**
 * The ends of a slider that holds all values and the thresholds, and some room.
 *
 * @param {readonly (number | null | undefined)[]} values
 */
export function endsOf(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (typeof value !== "number") continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return { low: 0, high: 1 };
  const room = (high - low) * 0.05 || Math.abs(high) * 0.5 || 1;
  return { low: low - room, high: high + room };
}

/** Scores from one end of the slider to the other. @param {readonly number[]} scores @param {{ low: number, high: number }} ends @param {number | null} threshold */
export function drawHistogram(scores, { low, high }, threshold) {
  const bins = Array.from({ length: BINS }, () => [0, 0]);
  for (const score of scores) {
    const at = Math.min(Math.max(Math.floor(BINS * (score - low) / (high - low)), 0), BINS - 1);
    bins[at][threshold !== null && score > threshold ? 1 : 0]++;
  }
  const most = Math.max(...bins.map(([a, b]) => a + b), 1);
  const bars = bins.flatMap((counts, x) => {
    let top = HEIGHT;
    return counts.flatMap((count, kind) => {
      if (count === 0) return [];
      const bar = document.createElementNS(SVG, "rect"), height = Math.max(HEIGHT * count / most, 1);
      const shape = {
        x: x + 0.1,
        y: top -= height,
        width: 0.8,
        height,
        class: threshold === null ? "undecided" : ["normal", "anomalous"][kind],
      };
      for (const [name, value] of Object.entries(shape)) bar.setAttribute(name, String(value));
      return [bar];
    });
  });
  document.getElementById("histogram")?.replaceChildren(...bars);
}
