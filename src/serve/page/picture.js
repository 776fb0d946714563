// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * An image with its map over it, the outline of what is above the pixels' threshold, and boxes around its pieces.
 *
 * @module
 */
import { coloured } from "./colours.js";

/** @import { FloatMap, Rect } from "./types.js" */
/** @import { Region } from "./regions.js" */

/**
 * @typedef {object} Scene what is shown
 * @property {number} width of the image that was given, pixels
 * @property {number} height
 * @property {ImageBitmap | null} bitmap null where the browser can't show it
 * @property {FloatMap | null} map
 * @property {Rect} area of the image, what the map covers
 * @property {readonly Region[]} regions
 * @property {number | null} threshold of the pixels
 * @property {{ low: number, high: number }} range of the colours
 */
/** @typedef {{ map: boolean, opacity: number, outline: boolean, boxes: boolean }} Shown opacity 0..1 */

/** Longest side of a picture that is kept, pixels: more would not fit a phone's memory. */
export const LONGEST = 4096;
/** The line that keeps visible on any image, and the one beside it. */
const LINE = "#00ff8c", RIM = "#000", PAPER = "#808080";

export class Picture {
  /** The coloured map, as large as the map. @type {OffscreenCanvas | null} */
  #layer = null;
  /** What it was made of. @type {unknown[]} */
  #layerOf = [];
  #colours;

  /** @param {Uint8Array} colours [n, 3] */
  constructor(colours) {
    this.#colours = colours;
  }

  /**
   * Draws a scene over the whole of a canvas.
   *
   * @param {HTMLCanvasElement | OffscreenCanvas} canvas @param {Scene} scene @param {Shown} shown
   * @param {number} line width of lines, canvas pixels
   */
  draw(canvas, scene, shown, line) {
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const scale = canvas.width / scene.width, { area, bitmap, map } = scene;
    context.imageSmoothingQuality = "high";
    context.fillStyle = bitmap ? "#000" : PAPER; // what is transparent is scored on black
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (bitmap) context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    if (!map) return;
    const place =
      /** @type {const} */ ([area.x * scale, area.y * scale, area.width * scale, area.height * scale]);
    if (shown.map) {
      context.globalAlpha = shown.opacity;
      context.drawImage(this.#layerFor(map, scene.range), ...place);
      context.globalAlpha = 1;
    }
    if (shown.outline && scene.threshold !== null) {
      const path = outline(map, scene.threshold, place);
      stroke(context, path, line);
    }
    if (shown.boxes) {
      const path = new Path2D(), room = 3 * line;
      for (const { x, y, width, height } of scene.regions) {
        path.rect(x * scale - room, y * scale - room, width * scale + 2 * room, height * scale + 2 * room);
      }
      context.setLineDash([4 * line, 3 * line]);
      stroke(context, path, line);
      context.setLineDash([]);
    }
  }

  /** @param {FloatMap} map @param {{ low: number, high: number }} range */
  #layerFor(map, range) {
    const of = [map, range.low, range.high];
    if (this.#layer === null || of.some((value, i) => value !== this.#layerOf[i])) {
      this.#layer = new OffscreenCanvas(map.width, map.height);
      this.#layerOf = of;
      const image = new ImageData(coloured(map, range, this.#colours), map.width, map.height);
      /** @type {OffscreenCanvasRenderingContext2D} */ (this.#layer.getContext("2d")).putImageData(
        image,
        0,
        0,
      );
    }
    return this.#layer;
  }
}

/** @param {OffscreenCanvasRenderingContext2D} context @param {Path2D} path @param {number} line */
function stroke(context, path, line) {
  for (const [style, width] of /** @type {const} */ ([[RIM, 2.5 * line], [LINE, line]])) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke(path);
  }
}

/**
 * The edges between cells of the map above a threshold and others, those at its border too.
 *
 * @param {FloatMap} map @param {number} threshold
 * @param {readonly [x: number, y: number, width: number, height: number]} place of the map on the canvas
 */
function outline({ width, height, data }, threshold, [left, top, w, h]) {
  const path = new Path2D(), dx = w / width, dy = h / height;
  const above = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= 0 && x < width && y >= 0 && y < height && data[y * width + x] > threshold;
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      const here = above(x, y);
      if (here !== above(x, y - 1)) {
        path.moveTo(left + x * dx, top + y * dy);
        path.lineTo(left + (x + 1) * dx, top + y * dy);
      }
      if (here !== above(x - 1, y)) {
        path.moveTo(left + x * dx, top + y * dy);
        path.lineTo(left + x * dx, top + (y + 1) * dy);
      }
    }
  }
  return path;
}
