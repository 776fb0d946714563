/**
 * Where images come from, by name: files on a disk, an archive, or what is in memory. What reads them is told nothing else.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { sha256, sha256OfAll } from "../sha256.ts";
import { imageHeader, imageSize } from "./decode.ts";
import type { Extent, Frame, Piece } from "./frame.ts";
import { checkPixels, type Image, type Mask, pixelsOf } from "./image.ts";
import { alignMask, type MaskOwner, readMask } from "./mask.ts";

/** An image that has been found, to be decoded when it is needed. */
export interface Picture {
  /** SHA-256 of its bytes, lower-case hexadecimal. */
  readonly hash: string;
  /** Its width and height. @throws {InputError} where it is no image that can be read */
  size(): Promise<Extent>;
  /** Its pixels. @throws {InputError} where it is no image that can be read */
  decode(): Promise<Image>;
  /**
   * `cutImage` of its pixels for an image of one piece, where that goes on beside everything else, so that it is asked for before
   * it is needed. @throws {InputError} as `decode`
   */
  cut?(frame: Frame, piece: Piece): Promise<Uint8Array>;
  /** A smaller one, made in the same go, where pictures are drawn on it. @throws {InputError} as `decode` */
  preview?(frame: Frame): Promise<Preview>;
}

/** An image as a picture shows it. */
export interface Preview {
  /** Its pixels, resized. */
  readonly image: Image;
  /** How large it was. */
  readonly whole: Extent;
  /** Longest side of a map that is drawn on it, pixels. */
  readonly most: number;
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

/**
 * Images in memory, by their names.
 *
 * @param images bytes of an image file, or pixels
 * @param masks the same for masks; pixels are 0 or 1
 */
export function imagesInMemory(
  images: Readonly<Record<string, Uint8Array | Image>>,
  masks: Readonly<Record<string, Uint8Array | Mask>> = {},
): Images {
  const find = <T>(all: Readonly<Record<string, T>>, name: string, what: string): T => {
    if (Object.hasOwn(all, name)) return all[name];
    throw new InputError(`Expected ${name} to be ${what} in memory, but found none of that name`);
  };
  const pixels = (name: string): Promise<Image> => {
    const image = find(images, name, "an image");
    return pixelsOf(image, name);
  };
  return {
    async open(name) {
      const image = find(images, name, "an image");
      if (!(image instanceof Uint8Array)) checkPixels(image, name);
      const hash = image instanceof Uint8Array
        ? await sha256(new Uint8Array(image))
        : await sha256OfAll([`${image.width}×${image.height}`, new Uint8Array(image.data)]);
      const size = async (): Promise<Extent> =>
        image instanceof Uint8Array ? await imageSize(image, name) : image;
      return { hash, size, decode: () => pixels(name) };
    },
    async mask(name, image) {
      const found = find(masks, name, "a mask"), owner = find(images, image, "an image");
      const header: MaskOwner = owner instanceof Uint8Array
        ? await imageHeader(owner, image)
        : { ...owner, orientation: 1 };
      return (found instanceof Uint8Array
        ? await readMask(found, name, header)
        : alignMask(found, name, header))
        .mask;
    },
  };
}
