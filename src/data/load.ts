/**
 * Images to the bytes a backbone takes, batch by batch so that memory stays bounded however many there are, and masks at
 * the same size.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { Images } from "./images.ts";
import { resizeBilinear, resizeNearest } from "./resize.ts";

/** n images at S×S. */
export interface ImageBatch {
  /** Where each stands among the names given. */
  indices: number[];
  /** SHA-256 of each image's bytes. */
  hashes: string[];
  /** RGB [n, S, S, 3]. */
  data: Uint8Array<ArrayBuffer>;
}

/** How to load. */
export interface LoadOptions {
  /** Images at once, 16 by default; the last batch may have fewer. */
  batch?: number;
  /**
   * Asked of every image before it is decoded; where the answer is true it is in no batch. Features that are known
   * from its hash save decoding.
   */
  skip?: (hash: string, index: number) => boolean | Promise<boolean>;
  /** Called after each image, skipped or not, with the number done so far. */
  onImage?: (done: number) => void;
  /** Told of an image that can't be read, which is then in no batch; without, it ends the work. */
  onError?: (index: number, error: InputError) => void;
}

/**
 * Reads, decodes and resizes images, in the order of `names`.
 *
 * @param S pixels a side
 * @throws {InputError} where one can't be read or is no image, naming it, and there is no `onError`
 */
export async function* loadImages(
  images: Images,
  names: readonly string[],
  S: number,
  { batch = 16, skip = () => false, onImage, onError }: LoadOptions = {},
): AsyncGenerator<ImageBatch> {
  let indices: number[] = [], hashes: string[] = [], data = new Uint8Array(0);
  for (const [index, name] of names.entries()) {
    try {
      const picture = await images.open(name);
      if (!await skip(picture.hash, index)) {
        const pixels = resizeBilinear(await picture.decode(), S);
        if (indices.length === 0) data = new Uint8Array(Math.min(batch, names.length - index) * S * S * 3);
        data.set(pixels, indices.length * S * S * 3);
        indices.push(index);
        hashes.push(picture.hash);
      }
    } catch (error) {
      if (!onError || !(error instanceof InputError)) throw error;
      onError(index, error);
    }
    onImage?.(index + 1);
    if (indices.length === batch) {
      yield { indices, hashes, data };
      indices = [], hashes = [];
    }
  }
  if (indices.length > 0) yield { indices, hashes, data: data.slice(0, indices.length * S * S * 3) };
}

/**
 * One image at S×S.
 *
 * @returns RGB [S, S, 3]
 * @throws {InputError} where it can't be read or is no image
 */
export async function loadImage(images: Images, name: string, S: number): Promise<Uint8Array> {
  return resizeBilinear(await (await images.open(name)).decode(), S);
}

/**
 * An image's mask at S×S.
 *
 * @param mask its name; null for a normal image, which has no anomalous pixel
 * @param image the image's name
 * @returns 0 or 1, [S, S]
 * @throws {InputError} where one can't be read, or their sizes differ
 */
export async function loadMask(
  images: Images,
  mask: string | null,
  image: string,
  S: number,
): Promise<Uint8Array> {
  return mask === null ? new Uint8Array(S * S) : resizeNearest(await images.mask(mask, image), S);
}
