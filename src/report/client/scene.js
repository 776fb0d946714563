// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * An embedded picture, drawn: the image, its map in colours over it or alone, outlines of what is above the pixel threshold and of
 * the true defect, boxes.
 *
 * @module
 */

/** @import { ReportData } from "../report_input.ts" */
/** @import { Picture } from "../embed.ts" */
/** @typedef {{ view: string, opacity: number, outline: boolean, boxes: boolean, mask: boolean }} Shown opacity 0..1 */
/** @typedef {{ width: number, height: number, path: Path2D }} Outline around cells, in their coordinates */
/**
 * @typedef {object} Scene
 * @property {Picture} picture
 * @property {HTMLImageElement} image
 * @property {HTMLCanvasElement | null} overlay the map in colours, clear where scores are low
 * @property {HTMLCanvasElement | null} map the same, opaque
 * @property {Outline | null} found
 * @property {Outline | null} truth
 */

const FOUND = "#fff", TRUTH = "#00ff8c", RIM = "#000";

/** Decodes and colours pictures, each once. */
export class Scenes {
  /** @type {Map<Picture, Promise<Scene>>} */
  #known = new Map();
  #range;
  #threshold;
  #colours;

  /** @param {Pick<ReportData, "range" | "pixelThreshold" | "colours">} data */
  constructor({ range, pixelThreshold, colours }) {
    this.#range = range;
    this.#threshold = pixelThreshold?.value ?? null;
    this.#colours = Uint8Array.from(atob(colours), (c) => c.charCodeAt(0));
  }

  /** @param {Picture} picture */
  of(picture) {
    const known = this.#known.get(picture) ?? this.#make(picture);
    this.#known.set(picture, known);
    return known;
  }

  /** @param {Picture} picture @returns {Promise<Scene>} */
  async #make(picture) {
    const { map, mask } = picture, threshold = this.#threshold;
    const [image, grey, truth] = await Promise.all([
      loaded(picture.image),
      map && loaded(map.src).then(greyOf),
      mask && loaded(mask).then(greyOf),
    ]);
    const scores = grey && map &&
      { ...grey, data: Float32Array.from(grey.data, (v) => map.low + v / 255 * (map.high - map.low)) };
    return {
      picture,
      image,
      overlay: scores && this.#coloured(scores, (t) => t * t * (3 - 2 * t)),
      map: scores && this.#coloured(scores, () => 1),
      found: scores && threshold !== null ? outlineOf(scores, threshold) : null,
      truth: truth ? outlineOf(truth, 127) : null,
    };
  }

  /** @param {{ width: number, height: number, data: Float32Array }} scores @param {(t: number) => number} cover by strength */
  #coloured({ width, height, data }, cover) {
    const { low, high } = this.#range, pixels = new ImageData(width, height);
    data.forEach((score, i) => {
      const t = Math.min(Math.max((score - low) / (high - low || 1), 0), 1), from = 3 * Math.round(255 * t);
      for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = this.#colours[from + c];
      pixels.data[4 * i + 3] = Math.round(255 * cover(t));
    });
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
    return canvas;
  }
}

/**
 * Draws a scene.
 *
 * @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Shown} shown
 * @param {{ x: number, y: number, scale: number }} place where its left upper corner is, and how large a pixel of the image
 * @param {number} line width of lines
 */
export function drawScene(
  context,
  { picture, image, overlay, map, found, truth },
  shown,
  { x, y, scale },
  line,
) {
  const { width, height, area } = picture;
  const whole = /** @type {const} */ ([x, y, width * scale, height * scale]);
  const covered =
    /** @type {const} */ ([x + area.x * scale, y + area.y * scale, area.width * scale, area.height * scale]);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, ...whole);
  if (shown.view === "map" && map) context.drawImage(map, ...covered);
  if (shown.view === "overlay" && overlay) {
    context.globalAlpha = shown.opacity;
    context.drawImage(overlay, ...covered);
    context.globalAlpha = 1;
  }
  if (shown.mask && truth) stroke(context, placed(truth, whole), TRUTH, line);
  if (shown.outline && found) stroke(context, placed(found, covered), FOUND, line);
  if (shown.boxes) {
    const path = new Path2D(), room = 3 * line;
    for (const box of picture.boxes) {
      path.rect(
        ...[x + box.x * scale - room, y + box.y * scale - room],
        ...[box.width * scale + 2 * room, box.height * scale + 2 * room],
      );
    }
    context.setLineDash([4 * line, 3 * line]);
    stroke(context, path, FOUND, line);
    context.setLineDash([]);
  }
}

/** @param {Outline} outline @param {readonly [x: number, y: number, width: number, height: number]} place */
function placed({ width, height, path }, [x, y, w, h]) {
  const there = new Path2D();
  there.addPath(path, new DOMMatrix([w / width, 0, 0, h / height, x, y]));
  return there;
}

/** A line that can be seen on any image. @param {CanvasRenderingContext2D} context @param {Path2D} path @param {string} style @param {number} line */
function stroke(context, path, style, line) {
  for (const [strokeStyle, lineWidth] of /** @type {const} */ ([[RIM, 2.2 * line], [style, line]])) {
    Object.assign(context, { strokeStyle, lineWidth });
    context.stroke(path);
  }
}

/** @param {string} src @returns {Promise<HTMLImageElement>} */
async function loaded(src) {
  const image = new Image();
  image.src = src;
  await image.decode();
  return image;
}

/** The bytes of a grey picture. @param {HTMLImageElement} image */
function greyOf(image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const context = Object.assign(document.createElement("canvas"), { width, height })
    .getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("Expected a canvas to draw on, but found none");
  context.drawImage(image, 0, 0);
  return {
    width,
    height,
    data: context.getImageData(0, 0, width, height).data.filter((_, i) => i % 4 === 0),
  };
}

/**
 * The edges between what is above a threshold and what is not.
 *
 * @param {{ width: number, height: number, data: ArrayLike<number> }} cells @param {number} threshold
 * @returns {Outline}
 */
function outlineOf({ width, height, data }, threshold) {
  const path = new Path2D();
  const above = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= 0 && x < width && y >= 0 && y < height && data[y * width + x] > threshold;
  /** @param {(at: number, along: number) => boolean} differs @param {number} lines @param {number} length @param {(at: number, from: number, to: number) => void} draw */
  const edges = (differs, lines, length, draw) => {
    for (let at = 0; at <= lines; at++) {
      for (let from = 0, to; from < length; from = to) {
        for (to = from; to < length && differs(at, to); to++);
        if (to > from) draw(at, from, to);
        else to++;
      }
    }
  };
  edges((y, x) => above(x, y) !== above(x, y - 1), height, width, (y, from, to) => {
    path.moveTo(from, y);
    path.lineTo(to, y);
  });
  edges((x, y) => above(x, y) !== above(x - 1, y), width, height, (x, from, to) => {
    path.moveTo(x, from);
    path.lineTo(x, to);
  });
  return { width, height, path };
}
