/**
 * Regions of interest from image files, for commands: what a setting, a config file and a model file hold is the region itself
 * (data/roi.ts), so that nothing else is needed to score.
 *
 * @module
 */
import { decodeImage } from "../data/image.ts";
import { readRoi, roiOfMask } from "../data/roi.ts";
import { readWhole } from "./files.ts";

/** White from here on, of the sum of red, green and blue. */
const HALF = 3 * 128;

/** Settings of which the region of interest may be a file's path, without that. @throws {InputError} as `roiFrom` */
export async function withRoi<T extends { roi?: string }>(given: T): Promise<T> {
  return given.roi === undefined ? given : { ...given, roi: await roiFrom(given.roi) };
}

/**
 * The setting's text for what was given: itself, or for an image file's path the mask in there, in which what is at least half
 * of white is looked at.
 *
 * @throws {InputError} where there is no such file, it is no image, or it is black throughout
 */
export async function roiFrom(given: string): Promise<string> {
  const isRectangle = /^[-\d\s.,%]*$/.test(given); // what is wrong with one, the setting's rule says
  if (isRectangle || readRoi(given) !== undefined) return given;
  const { width, height, data } = await decodeImage(await readWhole(given), given);
  const mask = Uint8Array.from(
    { length: width * height },
    (_, i) => data[3 * i] + data[3 * i + 1] + data[3 * i + 2] >= HALF ? 1 : 0,
  );
  return roiOfMask({ width, height, data: mask }, given);
}
