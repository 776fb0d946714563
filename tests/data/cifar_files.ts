/**
 * CIFAR's files in all their forms, small, for tests.
 *
 * @module
 */
import { join } from "node:path";
import { fill } from "../fill.ts";

/** n images as CIFAR stores them, [n, 3, 32, 32]. */
export function planes(name: string, n: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(fill(name, 3072 * n, 0, 256));
}

/** The binary form: each image after its label bytes. */
export function records(name: string, labels: number[][]): Uint8Array<ArrayBuffer> {
  const images = planes(name, labels.length);
  return Uint8Array.from(
    labels.flatMap((label, i) => [...label, ...images.subarray(i * 3072, (i + 1) * 3072)]),
  );
}

/** Text or characters of one byte each, as bytes. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Little-endian, 4 bytes. */
const u32 = (n: number): string => String.fromCharCode(n & 255, n >> 8 & 255, n >> 16 & 255, n >> 24 & 255);

/** A str as Python 2 pickles it. */
const str = (text: string): string =>
  text.length < 256 ? `U${String.fromCharCode(text.length)}${text}` : `T${u32(text.length)}${text}`;

/** A list of small whole numbers or strs. */
export function pickledList(values: (number | string)[]): string {
  return `](${values.map((v) => typeof v === "number" ? `K${String.fromCharCode(v)}` : str(v)).join("")}e`;
}

/** A uint8 matrix as NumPy pickles it under Python 2. */
export function pickledArray(rows: number, columns: number, data: Uint8Array): string {
  const bytes = Array.from(data, (byte) => String.fromCharCode(byte)).join("");
  const dtype = `cnumpy\ndtype\n${str("u1")}K\0K\x01\x87R(K\x03${
    str("|")
  }NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb`;
  return `cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85${str("b")}\x87R` +
    `(K\x01J${u32(rows)}J${u32(columns)}\x86${dtype}\x89${str(bytes)}tb`;
}

/** A dict with strs as keys, as a whole pickle of Python 2. */
export function pickledDict(entries: Record<string, string>): Uint8Array<ArrayBuffer> {
  const items = Object.entries(entries).map(([key, value]) => str(key) + value).join("");
  return latin1(`\x80\x02}(${items}u.`);
}

/** A batch of the python form. */
export function pickledBatch(name: string, labels: number[], key = "labels"): Uint8Array<ArrayBuffer> {
  return pickledDict({
    batch_label: str("a batch"),
    [key]: pickledList(labels),
    data: pickledArray(labels.length, 3072, planes(name, labels.length)),
    filenames: pickledList(labels.map((_, i) => `s_${i}.png`)),
  });
}

export const CIFAR10_CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split(" ");
export const CIFAR100_CLASSES: string[] = Array.from({ length: 100 }, (_, i) => `class ${i}`);

type Files = Record<string, Uint8Array<ArrayBuffer>>;
const BATCHES = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}`);
const lines = (names: string[]) => new TextEncoder().encode(names.join("\n") + "\n\n");

/** Each form by its folder: two images a training batch, labelled i and 9, and three test images, 1, 2, 3. */
export const FORMS: Record<string, Files> = {
  "cifar-10-batches-bin": {
    "batches.meta.txt": lines(CIFAR10_CLASSES),
    ...Object.fromEntries(BATCHES.map((name, i) => [`${name}.bin`, records(name, [[i], [9]])])),
    "test_batch.bin": records("test_batch", [[1], [2], [3]]),
    "readme.html": lines(["hello"]),
  },
  "cifar-10-batches-py": {
    "batches.meta": pickledDict({ num_vis: "M\0\x0c", label_names: pickledList(CIFAR10_CLASSES) }),
    ...Object.fromEntries(BATCHES.map((name, i) => [name, pickledBatch(name, [i, 9])])),
    "test_batch": pickledBatch("test_batch", [1, 2, 3]),
  },
  "cifar-100-binary": {
    "fine_label_names.txt": lines(CIFAR100_CLASSES),
    "coarse_label_names.txt": lines(["a", "b"]),
    "train.bin": records("train", [[19, 99], [0, 5]]),
    "test.bin": records("test", [[3, 20]]),
  },
  "cifar-100-python": {
    "meta": pickledDict({
      coarse_label_names: pickledList(["a", "b"]),
      fine_label_names: pickledList(CIFAR100_CLASSES),
    }),
    "train": pickledBatch("train", [99, 5], "fine_labels"),
    "test": pickledBatch("test", [20], "fine_labels"),
  },
};

/** A tar archive. @param kind the headers' type flag */
export function tar(files: Files, kind = "0"): Uint8Array<ArrayBuffer> {
  const blocks = Object.entries(files).flatMap(([path, bytes]) => {
    const header = new Uint8Array(512), put = (text: string, at: number) => header.set(latin1(text), at);
    put(path, 0);
    put("0000644\0" + "0001750\0" + "0001750\0" + bytes.length.toString(8).padStart(11, "0") + "\0", 100);
    put("11360533642\0        " + kind, 136);
    put("ustar\x0000", 257);
    put(header.reduce((a, b) => a + b).toString(8).padStart(6, "0") + "\0 ", 148);
    return [header, bytes, new Uint8Array(-bytes.length & 511)];
  });
  return concatenated([...blocks, new Uint8Array(1024)]);
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** Writes CIFAR-10 in its binary form, with these labels in each of five training batches, and in the test batch. */
export async function writeCifar10(folder: string, train: number[], test: number[]): Promise<void> {
  const each = (labels: number[]): number[][] => labels.map((label) => [label]);
  const files = {
    "batches.meta.txt": lines(CIFAR10_CLASSES),
    ...Object.fromEntries(BATCHES.map((name) => [`${name}.bin`, records(name, each(train))])),
    "test_batch.bin": records("test_batch", each(test)),
  };
  await writeFiles(folder, files);
}

/** Writes files into a folder, which it makes. */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(join(folder, name), bytes);
}
