// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Images that wait to be scored, and those that are being scored.
 *
 * @module
 */

/** @import { Scorer } from "./types.js" */
/** @import { Entry, Session } from "./session.js" */

/** Side that thumbnails fit in, pixels. */
const THUMBNAIL = 128;

export class Work {
  /** Images since it was idle. */
  total = 0;
  done = 0;
  /** @type {Entry[]} */
  #waiting = [];
  #running = 0;
  #stop = new AbortController();
  #scorer;
  #session;
  #onChange;

  /** @param {Scorer} scorer @param {Session} session @param {(entry: Entry) => void} onChange an image has a result, or none */
  constructor(scorer, session, onChange) {
    this.#scorer = scorer;
    this.#session = session;
    this.#onChange = onChange;
  }

  /** @param {readonly Entry[]} entries @param {boolean} [first] before those that wait already */
  add(entries, first = false) {
    if (!this.busy) this.total = this.done = 0;
    for (const entry of entries) entry.state = "waiting";
    if (first) this.#waiting.unshift(...entries);
    else this.#waiting.push(...entries);
    this.total += entries.length;
    this.#go();
  }

  get busy() {
    return this.#running > 0 || this.#waiting.length > 0;
  }

  /** Ends it; what is not done stays without a result. */
  stop() {
    const left = this.#waiting.splice(0);
    this.total -= left.length;
    for (const entry of left) entry.state = entry.scored ? "done" : "stopped";
    this.#stop.abort();
    this.#stop = new AbortController();
    for (const entry of left) this.#onChange(entry);
  }

  #go() {
    while (this.#running < this.#scorer.atOnce && this.#waiting.length > 0) {
      this.#running++;
      const entry = /** @type {Entry} */ (this.#waiting.shift());
      this.#score(entry, this.#stop.signal).finally(() => {
        this.#running--;
        this.done++;
        this.#onChange(entry);
        this.#go();
      });
    }
  }

  /** @param {Entry} entry @param {AbortSignal} signal */
  async #score(entry, signal) {
    const { file, model } = entry;
    if (!file) {
      return this.#session.fail(entry, "The picture is not kept any more: too many were taken since.");
    }
    entry.state = "scoring";
    this.#onChange(entry);
    const thumbnail = entry.thumbnail ? null : thumbnailOf(file, this.#scorer);
    try {
      const scored = await this.#scorer.score(file, model, signal);
      signal.throwIfAborted(); // not every scorer can stop at once
      this.#session.finish(entry, scored);
    } catch (error) {
      if (signal.aborted) entry.state = entry.scored ? "done" : "stopped";
      else this.#session.fail(entry, /** @type {Error} */ (error).message);
    }
    if (thumbnail) this.#session.keepThumbnail(entry, await thumbnail);
  }
}

/**
 * An image as the browser shows it, or else as the library reads it; null where neither can.
 *
 * @param {Blob} file @param {Scorer} scorer @param {ImageBitmapOptions} [options] a size
 */
export async function bitmapOf(file, scorer, options) {
  const own = await createImageBitmap(file, options).catch(() => null);
  return own ?? await Promise.resolve(scorer.picture(file)).catch(() => null);
}

/** @param {Blob} file @param {Scorer} scorer @returns {Promise<string | null>} an address */
async function thumbnailOf(file, scorer) {
  const bitmap = await bitmapOf(file, scorer, { resizeWidth: 2 * THUMBNAIL, resizeQuality: "medium" });
  if (bitmap === null) return null;
  const scale = THUMBNAIL / Math.max(bitmap.width, bitmap.height);
  const canvas = new OffscreenCanvas(Math.max(bitmap.width * scale, 1), Math.max(bitmap.height * scale, 1));
  /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d")).drawImage(
    bitmap,
    0,
    0,
    canvas.width,
    canvas.height,
  );
  bitmap.close();
  return URL.createObjectURL(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 }));
}
