// @ts-check
/**
 * What was scored in this session, and what the thresholds make of it. Memory stays bounded however long it gets: an image is
 * its file's name and reference, its numbers and a thumbnail; maps and pictures from the camera are kept of the last ones.
 *
 * @module
 */
import { ColourRange } from "./colours.js";
import { regionsOf } from "./regions.js";

/** @import { ModelInfo, Scored } from "./types.js" */
/** @import { Region } from "./regions.js" */

/**
 * @typedef {object} Entry an image of the session
 * @property {number} id from 1, in the order of coming
 * @property {string} name
 * @property {Blob | null} file null where it is not kept any more, a picture from the camera
 * @property {boolean} taken by the camera: it is nowhere but here
 * @property {"waiting" | "scoring" | "done" | "failed" | "stopped"} state
 * @property {string} model its name
 * @property {Date | null} at when it was scored
 * @property {Scored | null} scored without its map where that is not kept any more
 * @property {Found | null} found above a threshold of the pixels
 * @property {string | null} error in words
 * @property {string | null} thumbnail an address
 */
/** @typedef {{ threshold: number, count: number, area: number, regions: readonly Region[] }} Found regions: those with the highest peaks */
/** @typedef {"normal" | "anomalous"} Label */
/** @typedef {{ normal: number, anomalous: number, undecided: number, failed: number, waiting: number }} Counts */
/** @typedef {{ show: string, sort: string, search: string }} Listing */

/** Bytes of maps that are kept, and how many of the camera's pictures. */
const MAP_BYTES = 2 ** 26, PICTURES = 200;

/** Regions of an image that are kept: a threshold in the noise makes thousands. */
const REGIONS = 100;

export class Session {
  /** @type {Entry[]} */
  entries = [];
  /** By their names. @type {ReadonlyMap<string, ModelInfo>} */
  models;
  /** The user's, by the model's name; null: none. @type {Map<string, number | null>} */
  #image = new Map();
  /** @type {Map<string, number | null>} */
  #pixel = new Map();
  /** @type {Map<string, ColourRange>} */
  #colours = new Map();
  /** Those that have their maps, the longest unused first. @type {Set<Entry>} */
  #mapped = new Set();
  #ids = 0;

  /** @param {readonly ModelInfo[]} models */
  constructor(models) {
    this.models = new Map(models.map((model) => [model.name, model]));
  }

  /** @param {Blob} file @param {string} name @param {string} model @param {boolean} taken @returns {Entry} */
  add(file, name, model, taken) {
    /** @type {Entry} */
    const entry = {
      ...{ id: ++this.#ids, name, file, taken, state: "waiting", model, at: null },
      ...{ scored: null, found: null, error: null, thumbnail: null },
    };
    this.entries.push(entry);
    if (taken) {
      for (const old of this.entries.filter(({ taken, file }) => taken && file).slice(0, -PICTURES)) {
        old.file = null;
      }
    }
    return entry;
  }

  /** An image's result. @param {Entry} entry @param {Scored} scored */
  finish(entry, scored) {
    if (scored.map && entry.scored === null) this.colours(entry.model).add(scored.map); // each once
    Object.assign(entry, { state: "done", at: new Date(), scored, found: null, error: null });
    this.use(entry);
    this.findRegions(entry);
  }

  /** An image's error. A result from before stays: it may have been scored again for its map. @param {Entry} entry @param {string} error */
  fail(entry, error) {
    Object.assign(
      entry,
      entry.scored ? { state: "done", error } : { state: "failed", at: new Date(), error },
    );
  }

  /** An image's thumbnail, let go of where the image was cleared meanwhile. @param {Entry} entry @param {string | null} thumbnail an address */
  keepThumbnail(entry, thumbnail) {
    if (this.entries.includes(entry)) entry.thumbnail = thumbnail;
    else if (thumbnail) URL.revokeObjectURL(thumbnail);
  }

  clear() {
    for (const { thumbnail } of this.entries) if (thumbnail) URL.revokeObjectURL(thumbnail);
    this.entries = [];
    this.#mapped.clear();
    this.#colours.clear();
  }

  /** Says that a map is looked at: others go first. @param {Entry} entry */
  use(entry) {
    if (!entry.scored?.map) return;
    this.#mapped.delete(entry);
    this.#mapped.add(entry);
    let bytes = this.#mapped.values().reduce(
      (sum, { scored }) => sum + (scored?.map?.data.byteLength ?? 0),
      0,
    );
    for (const old of this.#mapped) {
      if (bytes <= MAP_BYTES || old === entry) break;
      const scored = /** @type {Scored} */ (old.scored);
      bytes -= scored.map?.data.byteLength ?? 0;
      old.scored = { ...scored, map: null };
      this.#mapped.delete(old);
    }
  }

  /** Brings what is above the threshold of the pixels up to it, where the map is still there. @param {Entry} entry */
  findRegions(entry) {
    const threshold = this.pixelThreshold(entry.model), scored = entry.scored;
    if (!scored?.map || entry.found?.threshold === threshold) return;
    if (threshold === null) entry.found = null;
    else {
      const all = regionsOf(scored.map, threshold, scored.area);
      const area = all.reduce((sum, { area }) => sum + area, 0);
      entry.found = { threshold, count: all.length, area, regions: all.slice(0, REGIONS) };
    }
  }

  /** @param {string} model @returns {ModelInfo} */
  model(model) {
    return /** @type {ModelInfo} */ (this.models.get(model));
  }

  /** @param {string} model @returns {ColourRange} */
  colours(model) {
    const range = this.#colours.get(model) ?? new ColourRange();
    this.#colours.set(model, range);
    return range;
  }

  /** Of the image score: the user's, or else the model's; null for none. @param {string} model */
  threshold(model) {
    return this.#image.has(model)
      ? this.#image.get(model) ?? null
      : this.model(model).decision.image?.value ?? null;
  }

  /** Of the map's pixels. @param {string} model */
  pixelThreshold(model) {
    return this.#pixel.has(model)
      ? this.#pixel.get(model) ?? null
      : this.model(model).decision.pixel?.value ?? null;
  }

  /** @param {string} model @param {number | undefined} value undefined: the model's again */
  setThreshold(model, value) {
    set(this.#image, model, value);
  }

  /** @param {string} model @param {number | undefined} value undefined: the model's again */
  setPixelThreshold(model, value) {
    set(this.#pixel, model, value);
  }

  /** @param {Entry} entry @returns {Label | null} */
  label({ scored, model }) {
    const threshold = this.threshold(model);
    return scored === null || threshold === null ? null : scored.score > threshold ? "anomalous" : "normal";
  }

  /** 0.5 at the threshold; null where that or the spread of normal scores is unknown. @param {Entry} entry */
  normalised({ scored, model }) {
    const threshold = this.threshold(model), { spread } = this.model(model).decision;
    if (scored === null || threshold === null || spread === null) return null;
    return 1 / (1 + Math.exp(-(scored.score - threshold) / spread));
  }

  /** Of a model's images. @param {string} model @returns {Counts} */
  counts(model) {
    const counts = { normal: 0, anomalous: 0, undecided: 0, failed: 0, waiting: 0 };
    for (const entry of this.entries) {
      if (entry.model !== model) continue;
      if (entry.state === "failed") counts.failed++;
      else if (entry.scored === null) counts.waiting++;
      else counts[this.label(entry) ?? "undecided"]++;
    }
    return counts;
  }

  /** Scores of a model's images. @param {string} model */
  scores(model) {
    return this.entries.flatMap((entry) => entry.model === model && entry.scored ? [entry.scored.score] : []);
  }

  /** What the list has, in its order. @param {Listing} listing */
  list({ show, sort, search }) {
    const wanted = search.toLowerCase();
    const listed = this.entries.filter((entry) =>
      entry.name.toLowerCase().includes(wanted) &&
      (show === "all" || (show === "error" ? entry.state === "failed" : this.label(entry) === show))
    );
    const order = ORDERS[sort];
    return order ? listed.sort((a, b) => order(a, b) || a.id - b.id) : listed;
  }
}

const COLLATOR = new Intl.Collator(undefined, { numeric: true });

/** Those without a score last. @param {Entry} a @param {Entry} b @param {1 | -1} sign */
function byScore(a, b, sign) {
  if (a.scored === null || b.scored === null) return Number(a.scored === null) - Number(b.scored === null);
  return sign * (a.scored.score - b.scored.score);
}

/** @type {Record<string, (a: Entry, b: Entry) => number>} */
const ORDERS = {
  newest: (a, b) => b.id - a.id,
  highest: (a, b) => byScore(a, b, -1),
  lowest: (a, b) => byScore(a, b, 1),
  name: (a, b) => COLLATOR.compare(a.name, b.name),
};

/** @param {Map<string, number | null>} map @param {string} model @param {number | undefined} value */
function set(map, model, value) {
  if (value === undefined) map.delete(model);
  else map.set(model, value);
}
