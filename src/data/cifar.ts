/**
 * CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as they are downloaded: the binary or the python version, unpacked or not.
 *
 *     cifar-10-batches-bin/   batches.meta.txt, data_batch_1.bin … data_batch_5.bin, test_batch.bin
 *     cifar-100-binary/       fine_label_names.txt, train.bin, test.bin
 *     cifar-10-batches-py/    batches.meta, data_batch_1 … data_batch_5, test_batch       pickles
 *     cifar-100-python/       meta, train, test                                           pickles
 *
 * An image is 3072 bytes, the planes red, green and blue of 32×32. In a .bin file each follows its label of one byte,
 * or of two, coarse and fine. CIFAR-100's classes are the 100 fine ones.
 *
 * @module
 */
import { type Fail, InputError } from "../errors.ts";
import { ByteArray, readNumpyPickle, textOf } from "../formats/numpy_pickle.ts";

/** Labelled images. */
export interface CifarSplit {
  /** RGB [n, 32, 32, 3]. */
  images: Uint8Array<ArrayBuffer>;
  /** [n] the classes' indices. */
  labels: Uint8Array<ArrayBuffer>;
}

/** A whole data set. */
export interface Cifar {
  name: "cifar10" | "cifar100";
  /** Names of the 10 or 100 classes, by label. */
  classes: string[];
  train: CifarSplit;
  test: CifarSplit;
}

const PIXELS = 32 * 32, IMAGE = 3 * PIXELS;

/** One of the four forms. Pickles have no `labelBytes`, but keys. */
interface Layout {
  name: Cifar["name"];
  meta: string;
  train: string[];
  test: string;
  /** Of a record, the last of which is the label. */
  labelBytes?: number;
  keys?: { classes: string; labels: string };
}

const BATCHES = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}`);
const LAYOUTS: Layout[] = [
  {
    name: "cifar10",
    meta: "batches.meta.txt",
    train: BATCHES.map((name) => `${name}.bin`),
    test: "test_batch.bin",
    labelBytes: 1,
  },
  { name: "cifar100", meta: "fine_label_names.txt", train: ["train.bin"], test: "test.bin", labelBytes: 2 },
  {
    name: "cifar10",
    meta: "batches.meta",
    train: BATCHES,
    test: "test_batch",
    keys: { classes: "label_names", labels: "labels" },
  },
  {
    name: "cifar100",
    meta: "meta",
    train: ["train"],
    test: "test",
    keys: { classes: "fine_label_names", labels: "fine_labels" },
  },
];

/** Files side by side, in a folder or an archive. */
export interface CifarFiles {
  /** What errors call it. */
  path: string;
  files: ReadonlyMap<string, () => Promise<Uint8Array<ArrayBuffer>>>;
}

/**
 * Reads CIFAR-10 or CIFAR-100.
 *
 * @param sources one of which has the files, whatever the others have
 * @param path what errors call all of them
 * @throws {InputError} where there is neither, or both, a file is missing, damaged or cut off, or a label is none
 */
export async function readCifar(sources: readonly CifarFiles[], path: string): Promise<Cifar> {
  const found = sources.flatMap((source) =>
    LAYOUTS.filter(({ train, meta }) => [meta, ...train].some((name) => source.files.has(name)))
      .map((layout) => ({ source, layout }))
  );
  const files = LAYOUTS.map(({ train }) => train[0]).join(", ");
  if (found.length === 0) {
    throw new InputError(
      `Expected CIFAR-10 or CIFAR-100 in ${path} (one of ${files}), but found none of them`,
    );
  }
  if (found.length > 1) {
    const several = found.map(({ source, layout }) => `${source.path}/${layout.train[0]}`).join(", ");
    throw new InputError(`Expected one form of CIFAR in ${path}, but found several: ${several}`);
  }
  const [{ source, layout }] = found;
  const missing = [layout.meta, ...layout.train, layout.test].find((name) => !source.files.has(name));
  if (missing !== undefined) {
    throw new InputError(`Expected ${missing} in ${source.path} beside the rest of CIFAR, but found none`);
  }
  const classes = await readClasses(source, layout);
  const read = (names: string[]) => readSplit(source, layout, names, classes.length);
  return { name: layout.name, classes, train: await read(layout.train), test: await read([layout.test]) };
}

/** Reads a file of a source; `expected` completes the errors about it. */
async function open({ path, files }: CifarFiles, name: string, expected: string) {
  const fail: Fail = (found) => {
    throw new InputError(`Expected ${expected} in ${path}/${name}, but found ${found}`);
  };
  return { bytes: await files.get(name)!(), fail };
}

async function readClasses(source: CifarFiles, { name, meta, keys }: Layout): Promise<string[]> {
  const count = name === "cifar10" ? 10 : 100;
  const { bytes, fail } = await open(source, meta, `the names of ${count} classes`);
  const names = keys
    ? list(dict(readNumpyPickle(bytes, fail), fail).get(keys.classes), keys.classes, fail).map(textOf)
    : new TextDecoder().decode(bytes).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const classes = names.map((name) => name ?? fail("a name that is no text"));
  return classes.length === count ? classes : fail(`${classes.length}`);
}

async function readSplit(
  source: CifarFiles,
  layout: Layout,
  names: string[],
  classes: number,
): Promise<CifarSplit> {
  const batches: Batch[] = [];
  for (const name of names) {
    const { bytes, fail } = await open(source, name, "labelled images of 32×32 pixels");
    const batch = layout.keys
      ? readPickle(bytes, layout.keys.labels, fail)
      : readRecords(bytes, layout.labelBytes!, fail);
    const wrong = batch.labels.findIndex((label) =>
      !(Number.isInteger(label) && label >= 0 && label < classes)
    );
    if (wrong >= 0) {
      fail(`label ${batch.labels[wrong]} of image ${wrong}, where labels are 0 to ${classes - 1}`);
    }
    batches.push(batch);
  }
  const total = batches.reduce((sum, { labels }) => sum + labels.length, 0);
  const images = new Uint8Array(total * IMAGE), labels = new Uint8Array(total);
  let at = 0;
  for (const batch of batches) {
    labels.set(batch.labels, at);
    for (let i = 0; i < batch.labels.length; i++, at++) {
      const planes = batch.planes(i);
      for (let c = 0, from = 0; c < 3; c++) {
        for (let to = at * IMAGE + c; from < (c + 1) * PIXELS; from++, to += 3) images[to] = planes[from];
      }
    }
  }
  return { images, labels };
}

/** One file's images, each [3, 32, 32]. */
interface Batch {
  labels: number[];
  planes: (image: number) => Uint8Array;
}

function readRecords(bytes: Uint8Array, labelBytes: number, fail: Fail): Batch {
  const size = labelBytes + IMAGE, count = bytes.length / size;
  if (count === 0) fail("an empty file");
  if (!Number.isInteger(count)) {
    fail(`${bytes.length} bytes, which is no whole number of ${size} (is it cut off?)`);
  }
  return {
    labels: Array.from({ length: count }, (_, i) => bytes[i * size + labelBytes - 1]),
    planes: (i) => bytes.subarray(i * size + labelBytes, (i + 1) * size),
  };
}

function readPickle(bytes: Uint8Array<ArrayBuffer>, key: string, fail: Fail): Batch {
  const batch = dict(readNumpyPickle(bytes, fail), fail);
  const data = batch.get("data"), labels = list(batch.get(key), key, fail);
  if (!(data instanceof ByteArray)) return fail("no array of images under data");
  if (data.shape.length !== 2 || data.shape[1] !== IMAGE) {
    fail(`images of the shape [${data.shape}], not [n, ${IMAGE}]`);
  }
  if (labels.length !== data.shape[0]) fail(`${labels.length} labels for ${data.shape[0]} images`);
  if (labels.length === 0) fail("none");
  if (!labels.every((label) => typeof label === "number")) return fail("labels that are no numbers");
  return { labels, planes: (i) => data.data.subarray(i * IMAGE, (i + 1) * IMAGE) };
}

function dict(value: unknown, fail: Fail): Map<unknown, unknown> {
  return value instanceof Map ? value : fail("a pickle that is no dict");
}

function list(value: unknown, key: string, fail: Fail): unknown[] {
  return Array.isArray(value) ? value : fail(`no list of ${key}`);
}
