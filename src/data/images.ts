/**
 * Where images come from, by name: files on a disk, an archive, or what is in memory. What reads them is told nothing else.
 *
 * @module
 */
import type { Image, Mask } from "./image.ts";

/** An image that has been found, to be decoded when it is needed. */
export interface Picture {
  /** SHA-256 of its bytes, lower-case hexadecimal. */
  readonly hash: string;
  /** Its pixels. @throws {InputError} where it is no image that can be read */
  decode(): Promise<Image>;
}

/** A place that has images. */
export interface Images {
  /** Finds an image. @throws {InputError} where there is none of that name, or it can't be read */
  open(name: string): Promise<Picture>;
  /**
   * Reads a mask, in the size of its image.
   *
   * @param name of the mask, as an image's `mask` gives it
   * @param image the name of the image it belongs to
   * @throws {InputError} where one can't be read, or their sizes differ
   */
  mask(name: string, image: string): Promise<Mask>;
}
