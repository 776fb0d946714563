/**
 * What a mask's file says is anomalous, and which way up (docs/method.md §1). Where that can't be known for sure, there is a
 * note with what was taken.
 *
 * @module
 */
import { decodeSamples, imageHeader } from "./decode.ts";
import type { Mask } from "./image.ts";
import { type Size, upright, uprightSize } from "./orientation.ts";
import type { Samples } from "./samples.ts";
import { InputError } from "../errors.ts";

/** A mask, and what was taken for granted of its file: sentences that go on from the file's name. */
export interface ReadMask {
  mask: Mask;
  notes: string[];
}

/** An image as a mask has to fit it: its upright size, and how it is stored. */
export type MaskOwner = Size & { readonly orientation: number };

/** What is taken for granted. */
export const NOTES = {
  lossy: "is compressed with loss: what has at least half of white is taken as defect",
  soft: "has many values between black and white: what has at least half of white is taken as defect",
  few: "has values between black and white: what has more than 1/16 of white is taken as defect",
  labels: "has several values, none of half of white: all but 0 is taken as defect",
  most: "marks most of its image as defect: is black what is meant?",
  stored: "has its image's size as stored, not as EXIF turns it: it is turned with the image",
  turned:
    "belongs to an image that EXIF turns, and doesn't say which way up it is: it is taken as drawn upright",
};

/** So many values besides black are labels rather than the soft edge of a shape. */
const FEW = 8;

/**
 * Decodes a mask of any format that images have: docs/method.md §1 says which pixels are anomalous.
 *
 * @param name what errors call the file
 * @throws {InputError} as `decodeImage`
 */
export async function decodeMask(bytes: Uint8Array, name = "the mask"): Promise<Mask> {
  return (await decode(bytes, name)).mask;
}

/**
 * Reads an image's mask, brought to the same way up as the image.
 *
 * @param name what errors call the file
 * @param image what the image's header says
 * @throws {InputError} where it can't be read or is not of the image's size
 */
export async function readMask(bytes: Uint8Array, name: string, image: MaskOwner): Promise<ReadMask> {
  const { mask, notes } = await decode(bytes, name);
  const aligned = alignMask(mask, name, image, (await imageHeader(bytes, name)).orientation);
  return { mask: aligned.mask, notes: [...notes, ...aligned.notes] };
}

/**
 * Brings a mask to the same way up as its image.
 *
 * @param name what errors call it
 * @param own the orientation that its own file said, which it has been brought upright from
 * @throws {InputError} where it is not of the image's size
 */
export function alignMask(mask: Mask, name: string, image: MaskOwner, own = 1): ReadMask {
  const isSize = ({ width, height }: Size) => mask.width === width && mask.height === height;
  const stored = uprightSize(image, image.orientation); // sides swapped twice are what they were
  const isTurned = image.orientation !== 1 && own === 1;
  if (isSize(image)) return { mask, notes: isTurned && isSize(stored) ? [NOTES.turned] : [] };
  if (isTurned && isSize(stored)) {
    return { mask: upright({ ...mask, stride: 1 }, image.orientation), notes: [NOTES.stored] };
  }
  throw new InputError(
    `Expected ${name} to be ${image.width}×${image.height} pixels as its image is, ` +
      `but found ${mask.width}×${mask.height}`,
  );
}

async function decode(bytes: Uint8Array, name: string): Promise<ReadMask> {
  const samples = await decodeSamples(bytes, name), { width, height, max, lossy = false } = samples;
  const values = brightness(samples), counts = new Uint32Array(max + 1);
  for (const value of values) counts[value]++;
  const levels = [...counts.keys()].filter((value) => value > 0 && counts[value] > 0);
  const { least, note } = ruleFor(levels, max, lossy);
  const data = new Uint8Array(values.length), notes = note ? [note] : [];
  let area = 0;
  for (let i = 0; i < data.length; i++) area += data[i] = values[i] >= least ? 1 : 0;
  if (area > data.length / 2) notes.push(NOTES.most);
  return { mask: { width, height, data }, notes };
}

/** The largest of each pixel's colours, on black where it is transparent. */
function brightness({ width, height, colors, stride, alpha, max, data }: Samples): Uint8Array | Uint16Array {
  const values = new (data.constructor as Uint8ArrayConstructor)(width * height);
  for (let i = 0, at = 0; i < values.length; i++, at += stride) {
    let value = data[at];
    for (let c = 1; c < colors; c++) value = Math.max(value, data[at + c]);
    values[i] = alpha ? Math.round(value * data[at + colors] / max) : value;
  }
  return values;
}

/** The least value that is anomalous, and what is to be said of it. @param levels what values there are besides 0, ascending */
function ruleFor(levels: readonly number[], max: number, lossy: boolean): { least: number; note?: string } {
  const half = Math.ceil(max / 2), isPlain = levels.length <= 1;
  if (lossy) return { least: half, note: isPlain ? undefined : NOTES.lossy };
  if (isPlain) return { least: 1 };
  if (levels.at(-1)! < half) return { least: 1, note: NOTES.labels };
  return levels.length <= FEW
    ? { least: Math.floor(max / 16) + 1, note: NOTES.few }
    : { least: half, note: NOTES.soft };
}
