/**
 * Images to the bytes a backbone takes, piece by piece so that memory stays bounded however many there are, and masks at the
 * same size.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { cutImage, type Frame, frameOf, type Framing, type Piece, pieceKey, STRETCH } from "./frame.ts";
import type { Image } from "./image.ts";
import type { Images, Picture, Preview } from "./images.ts";
import { resizeBilinear, resizeNearest } from "./resize.ts";

/** A piece of one of several images. */
export interface PlacedPiece {
  /** Where its image stands among all. */
  readonly index: number;
  /** How that is looked at. */
  readonly frame: Frame;
  readonly piece: Piece;
  /** Whether it is its image's last. */
  readonly isLast: boolean;
  /** What a picture of its image is drawn on, where that is made beside everything else. Rejected as `pixels`. */
  readonly preview?: Promise<Preview>;
}

/** An image that can't be looked at. */
export interface Unreadable {
  /** Where it stands among all. */
  readonly index: number;
  readonly error: InputError;
}

/** One that is made when it is asked for. */
export interface LoadedPiece extends PlacedPiece {
  /** What tells it from all other pieces: SHA-256 of its image's bytes, and its place there; null where it isn't known. */
  readonly key: readonly (string | number)[] | null;
  /** RGB [S, S, 3]. @throws {InputError} where its image can't be decoded */
  pixels(): Promise<Uint8Array>;
  /** Asks for `preview`. */
  readonly startPreview?: () => Promise<Preview>;
  /** Whether pixels are made beside everything else, to be asked for before they are needed. */
  readonly isAhead?: boolean;
}

/**
 * Finds images and cuts them, in the order of `names`. An image is decoded once, for the first piece whose pixels are wanted.
 * In the place of one that can't be found, or in which the region of interest does not lie, comes the error.
 *
 * @param S pixels a side
 * @param framing how images are looked at; whole and stretched by default
 */
export async function* loadPieces(
  images: Images,
  names: readonly string[],
  S: number,
  framing: Framing = STRETCH,
): AsyncGenerator<LoadedPiece | Unreadable> {
  for (const [index, name] of names.entries()) {
    try {
      const picture = await images.open(name), frame = frameOf(await picture.size(), S, framing, name);
      let decoded: Promise<Image> | undefined;
      if (frame.pieces.length === 1 && picture.cut) {
        yield aheadOf(picture, frame, index);
        continue;
      }
      yield* piecesOf(() => decoded ??= picture.decode(), frame, index, picture.hash);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      yield { index, error };
    }
  }
}

/** The only piece of an image that others decode. */
function aheadOf(picture: Picture, frame: Frame, index: number): LoadedPiece {
  const [piece] = frame.pieces, { hash } = picture;
  return {
    index,
    frame,
    piece,
    isLast: true,
    key: [hash, ...pieceKey(frame, piece) ?? []],
    isAhead: true,
    pixels: () => picture.cut!(frame, piece),
    startPreview: picture.preview && (() => picture.preview!(frame)),
  };
}

/** The pieces of an image. @param hash of its bytes; null where nothing is to be kept of them */
export function* piecesOf(
  decode: () => Promise<Image>,
  frame: Frame,
  index: number,
  hash: string | null,
): Generator<LoadedPiece> {
  const last = frame.pieces.at(-1);
  for (const piece of frame.pieces) {
    yield {
      index,
      frame,
      piece,
      isLast: piece === last,
      key: hash === null ? null : [hash, ...pieceKey(frame, piece) ?? []],
      pixels: async () => cutImage(await decode(), frame, piece),
    };
  }
}

/**
 * How images are looked at, by their headers.
 *
 * @throws {InputError} where one can't be found or is no image, or the region of interest does not lie in it
 */
export async function loadFrames(
  images: Images,
  names: readonly string[],
  S: number,
  framing: Framing,
): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (const name of names) {
    frames.push(frameOf(await (await images.open(name)).size(), S, framing, name));
  }
  return frames;
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
