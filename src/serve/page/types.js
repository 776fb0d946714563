// @ts-check
/**
 * What the page's modules hand to each other. Types only: browsers never ask for this file.
 *
 * @module
 */

/**
 * @typedef {{ value: number, from: string, at?: number, images: number }} Threshold
 * @typedef {{ image: Threshold | null, pixel: Threshold | null, spread: number | null }} Decision
 * @typedef {{ name: string, method: string, category: string | null, image_size: number, maps: boolean, decision: Decision }} ModelInfo
 * @typedef {{ width: number, height: number, data: Float32Array }} FloatMap
 * @typedef {{ x: number, y: number, width: number, height: number }} Rect
 * @typedef {{ score: number, width: number, height: number, area: Rect, map: FloatMap | null }} Scored
 *   width and height of the image that was given, pixels
 */

/**
 * @typedef {object} Scorer
 * @property {string} where in words, for the head of the page
 * @property {string} privacy where images go, in words
 * @property {number} atOnce images that it wants to be given at a time
 * @property {readonly ModelInfo[]} models the first is the default
 * @property {(image: Blob, model: string, signal: AbortSignal) => Promise<Scored>} score throws an Error in words where there is no result
 * @property {(image: Blob) => Promise<ImageBitmap> | null} picture of what browsers can't show; null where it can't either
 */

/**
 * @typedef {{ where: "server" } | { where: "browser", name: string, model: string, weights: string | null }} Site
 *   what scoring.json holds; model and weights are addresses from the page's
 */

export {};
