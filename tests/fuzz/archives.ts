/**
 * CIFAR in all of its forms, and tar archives of it, plain and packed.
 *
 * @module
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { concatenated, FORMS, gzip, latin1, tar } from "../data/cifar_files.ts";
import { type Bytes, type Mutator, type Mutators, odd, pieceMutators, type Pieces } from "./mutations.ts";
import { PICKLE } from "./tensors.ts";

/** Every file of every form, as `cifar-10-batches-bin/test_batch.bin`. */
export function cifarSeeds(): Map<string, Bytes> {
  return new Map(
    Object.entries(FORMS).flatMap(([form, files]) =>
      Object.entries(files).filter(([name]) => !name.startsWith("readme") && !name.startsWith("coarse"))
        .map(([name, bytes]): [string, Bytes] => [`${form}/${name}`, bytes])
    ),
  );
}

/** Of the forms, two are pickles. */
export const CIFAR: Mutators = PICKLE;

/** CIFAR-10 and CIFAR-100 as they are downloaded. */
export async function tarSeeds(): Promise<Map<string, Bytes>> {
  const plain = (form: string) =>
    tar(Object.fromEntries(Object.entries(FORMS[form]).map(([name, bytes]) => [`${form}/${name}`, bytes])));
  return new Map([
    ["cifar-10.tar", plain("cifar-10-batches-bin")],
    ["cifar-100.tar", plain("cifar-100-python")],
    ["cifar-10.tar.gz", await gzip(plain("cifar-10-batches-bin"))],
  ]);
}

const BLOCK = 512;

/** Entries of a tar archive, headers with their contents; checksums are made right. */
const ENTRIES: Pieces = {
  split(file) {
    const entries: Bytes[] = [];
    for (let at = 0; at + BLOCK <= file.length && file[at] !== 0;) {
      const size = parseInt(String.fromCharCode(...file.subarray(at + 124, at + 135)), 8) || 0;
      const end = at + BLOCK + Math.ceil(size / BLOCK) * BLOCK;
      entries.push(file.slice(at, end));
      at = end;
    }
    return entries;
  },
  join: (entries) => concatenated([...entries.map(summed), new Uint8Array(2 * BLOCK)]),
};

function summed(entry: Bytes): Bytes {
  if (entry.length < BLOCK) return entry;
  const out = entry.slice();
  out.fill(0x20, 148, 156);
  const sum = out.subarray(0, BLOCK).reduce((a, b) => a + b, 0);
  out.set(latin1(sum.toString(8).padStart(6, "0") + "\0 "), 148);
  return out;
}

/** Where name, mode, size, time, kind, magic and prefix are. */
const FIELDS: readonly [at: number, length: number][] = [[0, 100], [100, 8], [124, 12], [136, 12], [156, 1], [
  257,
  8,
], [345, 155]];
const WORDS = [
  "",
  "0",
  "7",
  "77777777777",
  "-1",
  "8",
  "x",
  " 1 ",
  "1\0 2",
  "../..",
  "/",
  "\x80\0\0\0\0\0\0\0\0\0\0\x01",
];

/** Damage within gzip where the file is packed so, without it elsewhere. */
const unpacked = (mutator: Mutator): Mutator => (file, numbers, others) => {
  if (file[0] !== 0x1f) return mutator(file, numbers, others);
  let plain: Bytes;
  try {
    plain = new Uint8Array(gunzipSync(file));
  } catch {
    return file; // damaged already
  }
  return new Uint8Array(gzipSync(mutator(plain, numbers, others), { level: 1 }));
};

export const TAR: Mutators = {
  ...Object.fromEntries(
    Object.entries(pieceMutators(ENTRIES)).map(([name, mutator]) => [name, unpacked(mutator)]),
  ),
  field: unpacked((file, [a, b, c]) => {
    const entries = ENTRIES.split(file);
    if (entries.length === 0) return file;
    const at = a % entries.length, entry = entries[at].slice(), [from, length] = FIELDS[b % FIELDS.length];
    const word = c < WORDS.length ? WORDS[c] : odd(c % 40).toString(8);
    entry.fill(0, from, from + length).set(
      latin1(word.slice(0, length)).subarray(0, entry.length - from),
      from,
    );
    return ENTRIES.join(entries.with(at, entry), file);
  }),
  bomb: (_, [a, b]) => new Uint8Array(gzipSync(new Uint8Array(a % 2 ** 24).fill(b % 2 === 0 ? 0 : 0x61))),
};
