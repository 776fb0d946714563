// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The library at work on the model beside the page: adtr.js is mod.ts in one file.
 *
 * @module
 */

/** @import { ModelInfo, Scored, Site } from "./types.js" */

/** Where `adtr export web` puts it. Not by a literal: no other page has it. */
const ADTR = "./adtr.js";

/** @type {any} */
let adtr, /** @type {any} */ gpu, /** @type {any} */ model, /** @type {Site & { where: "browser" }} */ site;

/** Whether there is a GPU to compute on, here: a page may have one that workers haven't. */
export async function hasGpu() {
  return Boolean(await navigator.gpu?.requestAdapter());
}

/** @param {Site} given @returns {Promise<ModelInfo>} */
export async function open(given) {
  if (given.where !== "browser") throw new Error("Expected a site that scores in browsers");
  site = given;
  adtr = await import(ADTR);
  await openModel();
  const { method: { name: method, maps }, info: { category }, settings: { image_size }, decision } = model;
  return {
    name: site.name,
    method,
    category: typeof category === "string" ? category : null,
    image_size,
    maps,
    decision,
  };
}

/** Opens the model on a new device, and closes the one before, which frees all that is on it. */
async function openModel() {
  const [bytes, file] = await Promise.all([
    load(site.model),
    site.weights === null ? null : load(site.weights),
  ]);
  const weights = file ? await adtr.parseWeightFile(file, site.weights) : undefined;
  const opened = await adtr.Gpu.open();
  try {
    model = await adtr.openModelBytes(opened, bytes, { weights }, site.model);
  } catch (error) {
    opened.close();
    throw error;
  }
  gpu?.close();
  gpu = opened;
}

/** @param {Blob} image @returns {Promise<Scored>} */
export async function score(image) {
  const pixels = await adtr.decodeImage(await bytesOf(image));
  const verdict = await model.score(pixels).catch(async (/** @type {any} */ error) => {
    if (error.kind !== "lost") throw error;
    await openModel(); // as after a driver's restart, or a laptop's sleep
    return await model.score(pixels);
  });
  const { score, map, area } = verdict;
  return { score, map, area, width: pixels.width, height: pixels.height };
}

/** An image as the library reads it, for the eye. @param {Blob} image @returns {Promise<ImageBitmap>} */
export async function picture(image) {
  const { width, height, data } = await adtr.decodeImage(await bytesOf(image));
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba[to] = data[from];
    rgba[to + 1] = data[from + 1];
    rgba[to + 2] = data[from + 2];
  }
  return await createImageBitmap(new ImageData(rgba, width, height));
}

/** What of a result goes to the page without a copy. @param {any} result @returns {Transferable[]} */
export function transferred(result) {
  if (result instanceof ImageBitmap) return [result];
  return result?.map ? [result.map.data.buffer] : [];
}

/** @param {Blob} blob */
async function bytesOf(blob) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    throw new Error("The file can’t be read any more: it was moved, changed or taken away.");
  }
}

/** @param {string} address */
async function load(address) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) {
    throw new Error(
      `Expected ${address} beside this page, but found ${
        response ? `status ${response.status}` : "nothing that can be read"
      }`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}
