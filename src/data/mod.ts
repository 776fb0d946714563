/**
 * Images, masks, procedural data and synthetic anomalies, in memory: nothing here needs a GPU or a file system.
 *
 * ```ts
 * import { decodeImage, resizeBilinear } from "@adtr/adtr/data";
 *
 * const image = await decodeImage(await (await fetch("photo.png")).bytes(), "photo.png");
 * const pixels = resizeBilinear(image, 256); // RGB [256, 256, 3], as Pillow's BILINEAR does it
 * ```
 *
 * @module
 */
export { decodeImage, encodeGreyPng, encodePng, type Image, type Mask } from "./image.ts";
export { decodeMask } from "./mask.ts";
export { type Images, imagesInMemory, type Picture, type Preview } from "./images.ts";
export type { Extent } from "./frame.ts";
export type { AnomalousImage, Category, TestImage } from "./category.ts";
export { loadImage, loadMask } from "./load.ts";
export { resizeBilinear, resizeNearest } from "./resize.ts";
export { ANOMALIES, type AnomalyName } from "./anomalies/catalogue.ts";
export type { Anomaly, DrawAnomaly } from "./anomalies/anomaly.ts";
export { drawSample, proceduralCategories, type Sample, type SampleOptions } from "./procedural/sample.ts";
export { Random } from "../hash.ts";
