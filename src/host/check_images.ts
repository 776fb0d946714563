/**
 * What is wrong with images and masks before anything is learned from them or measured on them: all that can't be read, at
 * once, and what may not be meant.
 *
 * @module
 */
import type { Category } from "../data/category.ts";
import { imageHeader } from "../data/decode.ts";
import { decodeImage, type Image } from "../data/image.ts";
import { InputError } from "../errors.ts";
import { sha256 } from "../sha256.ts";
import { isCifar } from "./cifar_images.ts";
import { readWhole } from "./files.ts";
import { files, readMaskFiles } from "./image_files.ts";

/** Faults that are told at once. */
const MOST_FAULTS = 20;

/** What was found: sentences that name files. */
export interface ImageFaults {
  /** What can't be read, or doesn't fit. */
  errors: string[];
  /** What can be read, but may not be meant. */
  notes: string[];
}

/** How to check. */
export interface CheckOptions {
  /** Whether an image of that SHA-256 was decoded before: it is not decoded again. */
  isKnown?: (hash: string) => Promise<boolean>;
  /** Told of every image that was decoded. */
  onDecoded?: (path: string, bytes: Uint8Array<ArrayBuffer>, image: Image) => Promise<void>;
  /** Called after each image with the numbers of images done and found. */
  onImage?: (done: number, total: number) => void;
  /** Ends the work early, with an AbortError. */
  signal?: AbortSignal;
}

/** Sentences that files share, each with the first file that it is true of and the number of the others. */
export class Notes {
  #first = new Map<string, { file: string; count: number }>();

  /** @param note goes on from the file's name */
  add(file: string, note: string): void {
    const known = this.#first.get(note);
    this.#first.set(note, { file: known?.file ?? file, count: (known?.count ?? 0) + 1 });
  }

  /** All of them, in the order of their first files. */
  sentences(): string[] {
    return [...this.#first].map(([note, { file, count }]) =>
      `${file} ${note}${count > 1 ? ` (and ${count - 1} more such files)` : ""}`
    );
  }
}

/**
 * Reads all images and masks, and decodes what has to be.
 *
 * @param images a category's, some of them, or others beside them
 */
export async function checkImages(
  { train, anomalous, test }: Pick<Category, "train" | "anomalous" | "test">,
  { isKnown, onDecoded, onImage, signal }: CheckOptions = {},
): Promise<ImageFaults> {
  const errors: string[] = [], notes = new Notes();
  const attempt = <T>(step: () => Promise<T>) => orNull(step, (fault) => errors.push(fault));
  const images = [...train.map((path) => ({ path, mask: null })), ...anomalous, ...test]
    .filter(({ path }) => !isCifar(path)); // they are read as one file, and whole when that can be read
  const tested = new Set(test), marked: boolean[] = []; // whether masks of test images mark anything
  for (const [i, image] of images.entries()) {
    signal?.throwIfAborted();
    const { path, mask } = image, bytes = await attempt(() => readWhole(path));
    if (bytes && !await isKnown?.(await sha256(bytes))) {
      const decoded = await attempt(() => decodeImage(bytes, path));
      if (decoded) await onDecoded?.(path, bytes, decoded);
    }
    const header = bytes && mask !== null ? await orNull(() => imageHeader(bytes, path)) : null; // told above
    const read = header && await attempt(() => readMaskFiles(mask!, header));
    if (read) {
      for (const { file, note } of read.notes) notes.add(file, note);
      const isMarked = read.mask.data.includes(1);
      if (!isMarked) notes.add(mask!, "marks no pixel of its image");
      if (tested.has(image as Category["test"][number])) marked.push(isMarked);
    }
    onImage?.(i + 1, images.length);
  }
  const sentences = notes.sentences();
  const masked = test.filter(({ mask }) => mask !== null).length;
  if (masked > 0 && marked.length === masked && !marked.includes(true)) {
    sentences.push("No mask of an anomalous test image marks a pixel: there will be no pixel metrics");
  }
  return { errors, notes: [...sentences, ...await trainingNotes(train)] };
}

/** What training images have in common that leaves nothing to learn. Decodes as few as show that it isn't so. */
async function trainingNotes(train: readonly string[]): Promise<string[]> {
  let first: Image | undefined, alike = true, flat = true;
  for (const path of train) {
    if (!alike && !flat) return [];
    const image = await orNull(async () => await (await files.open(path)).decode()); // told with the other faults
    if (image === null) continue;
    first ??= image;
    alike &&= image.data.length === first.data.length && image.data.every((v, i) => v === first!.data[i]);
    flat &&= isFlat(image);
  }
  if (first === undefined || !alike && !flat) return [];
  const which = train.length === 1
    ? `${train[0]}, the only training image,`
    : `Every one of ${train.length} training images`;
  if (flat) {
    const isBlack = alike && first.data.subarray(0, 3).every((value) => value === 0);
    return [`${which} is ${isBlack ? "wholly black" : "of a single colour"}: there is nothing to learn`];
  }
  return [
    train.length === 1
      ? `${train[0]} is the only training image: all that differs from it is anomalous`
      : `${which} shows the same picture: all that differs from it is anomalous`,
  ];
}

/** What a step gives; null where it throws an InputError. @param onFault told its message */
export async function orNull<T>(
  step: () => Promise<T>,
  onFault: (fault: string) => void = () => {},
): Promise<T | null> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    onFault(error.message);
    return null;
  }
}

/** Whether all pixels have one colour. */
export function isFlat({ data }: Image): boolean {
  return data.every((value, i) => value === data[i % 3]);
}

/**
 * Refuses data of which something can't be used.
 *
 * @throws {InputError} where there are errors, with the first 20 of them
 */
export function refuseFaults(errors: readonly string[]): void {
  if (errors.length === 0) return;
  if (errors.length === 1) throw new InputError(errors[0]);
  const more = errors.length - MOST_FAULTS;
  throw new InputError(
    [
      `Found ${errors.length} faults:`,
      ...errors.slice(0, MOST_FAULTS).map((error) => `  ${error.replaceAll("\n", "\n  ")}`),
      ...more > 0 ? [`  and ${more} more, which \`data check\` lists`] : [],
    ].join("\n"),
  );
}
