// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The image that is looked at, drawn as large as there is room or in its own size, and saved as it is seen.
 *
 * @module
 */
import { beforeNextFrame, get } from "./dom.js";
import { LONGEST, Picture } from "./picture.js";
import { bitmapOf } from "./work.js";

/** @import { Scorer } from "./types.js" */
/** @import { Entry, Session } from "./session.js" */

export class Stage {
  /** @type {Entry | null} */
  #entry = null;
  /** @type {ImageBitmap | null} */
  #bitmap = null;
  /** Draws it before the next frame. */
  update = beforeNextFrame(() => this.#draw());
  /** Whether it is not known yet if the browser can show the image. */
  #loading = false;
  /** What was drawn last. @type {unknown[]} */
  #drawn = [];
  #picture;
  #session;
  #scorer;
  #box = get("scene");
  #canvas = get("canvas", HTMLCanvasElement);

  /** @param {Uint8Array} colours of maps @param {Session} session @param {Scorer} scorer */
  constructor(colours, session, scorer) {
    this.#picture = new Picture(colours);
    this.#session = session;
    this.#scorer = scorer;
    new ResizeObserver(() => this.update()).observe(this.#box);
    for (const id of ["show-map", "show-outline", "show-boxes", "own-size", "opacity"]) {
      get(id).addEventListener("input", () => this.update());
    }
  }

  /** Shows an image, or none. @param {Entry | null} entry */
  async show(entry) {
    this.#entry = entry;
    this.#bitmap?.close();
    this.#bitmap = null;
    this.#loading = Boolean(entry?.file);
    this.update();
    if (!entry?.file) return;
    const bitmap = await bitmapOf(entry.file, this.#scorer).then(bounded);
    if (this.#entry !== entry) return bitmap?.close(); // another is looked at meanwhile
    this.#bitmap = bitmap;
    this.#loading = false;
    this.update();
  }

  /** Whether the browser can show the image. */
  get visible() {
    return this.#bitmap !== null;
  }

  /** Draws it again where it has a result, or another one, since. */
  refresh() {
    if (this.#state().some((value, i) => value !== this.#drawn[i])) this.update();
  }

  /** What can change about an image. */
  #state() {
    const entry = this.#entry;
    return [entry?.scored, entry?.found, entry && this.#session.pixelThreshold(entry.model)];
  }

  /** The view as a PNG, in the image's own size. */
  async png() {
    const scene = this.#scene();
    if (scene === null) return null;
    const scale = Math.min(LONGEST / Math.max(scene.width, scene.height), 1);
    const canvas = new OffscreenCanvas(Math.round(scene.width * scale), Math.round(scene.height * scale));
    this.#picture.draw(canvas, scene, shown(), Math.max(Math.max(canvas.width, canvas.height) / 500, 1));
    return await canvas.convertToBlob({ type: "image/png" });
  }

  /** @returns {import("./picture.js").Scene | null} */
  #scene() {
    const entry = this.#entry, bitmap = this.#bitmap, scored = entry?.scored;
    if (!entry || (!bitmap && !scored?.map)) return null;
    const { width, height } = scored ?? /** @type {ImageBitmap} */ (bitmap);
    const threshold = this.#session.pixelThreshold(entry.model);
    return {
      ...{ width, height, bitmap, threshold },
      map: scored?.map ?? null,
      area: scored?.area ?? { x: 0, y: 0, width, height },
      regions: entry.found?.regions ?? [],
      range: this.#session.colours(entry.model).range(threshold),
    };
  }

  #draw() {
    this.#drawn = this.#state();
    const scene = this.#scene(), ratio = devicePixelRatio;
    this.#canvas.hidden = scene === null;
    get("empty").hidden = this.#entry !== null;
    get("nothing").hidden = this.#entry === null || scene !== null || this.#loading;
    if (scene === null) return;
    const { clientWidth, clientHeight } = this.#box, own = get("own-size", HTMLInputElement).checked;
    const fit = Math.min(clientWidth / scene.width, clientHeight / scene.height);
    const scale = own ? 1 / ratio : fit, most = LONGEST / Math.max(scene.width, scene.height) / ratio;
    this.#canvas.style.width = `${Math.floor(scene.width * scale)}px`;
    this.#canvas.style.height = `${Math.floor(scene.height * scale)}px`;
    this.#canvas.width = Math.max(Math.round(scene.width * Math.min(scale, most) * ratio), 1);
    this.#canvas.height = Math.max(Math.round(scene.height * Math.min(scale, most) * ratio), 1);
    this.#picture.draw(this.#canvas, scene, shown(), Math.max(ratio * 1.5, 1));
  }
}

/** What is to be seen, as the page's controls say. */
function shown() {
  const checked = (/** @type {string} */ id) => get(id, HTMLInputElement).checked;
  return {
    map: checked("show-map"),
    opacity: get("opacity", HTMLInputElement).valueAsNumber / 100,
    outline: checked("show-outline"),
    boxes: checked("show-boxes"),
  };
}

/** Brought down to what is kept. @param {ImageBitmap | null} bitmap */
async function bounded(bitmap) {
  const scale = bitmap ? LONGEST / Math.max(bitmap.width, bitmap.height) : 1;
  if (bitmap === null || scale >= 1) return bitmap;
  const size = {
    resizeWidth: Math.round(bitmap.width * scale),
    resizeHeight: Math.round(bitmap.height * scale),
  };
  const smaller = await createImageBitmap(bitmap, { ...size, resizeQuality: "medium" });
  bitmap.close();
  return smaller;
}
