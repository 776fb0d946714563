/**
 * Files of tensors: safetensors, and PyTorch's checkpoints as archives and in the legacy format; with damage to headers,
 * directories and pickles.
 *
 * @module
 */
import { InputError } from "../../src/errors.ts";
import { serializeSafetensors } from "../../src/formats/safetensors.ts";
import { type Dtype, DTYPE_BYTES, type StoredTensor } from "../../src/formats/tensor_file.ts";
import { readZip } from "../../src/formats/zip.ts";
import { fill } from "../fill.ts";
import { concatenated } from "../data/cifar_files.ts";
import { concat, latin1, zip } from "../reference/checkpoint.ts";
import {
  type Bytes,
  type Field,
  type Mutator,
  type Mutators,
  type Numbers,
  oddField,
  pieceMutators,
  type Pieces,
  withNumber,
} from "./mutations.ts";
import { editedJson, textOf, utf8 } from "./texts.ts";

/** A tensor of every dtype, an empty one, a single value; texts about them. */
export function safetensorsSeeds(): Map<string, Bytes> {
  const tensors = new Map<string, StoredTensor>(
    Object.entries(DTYPE_BYTES).map(([dtype, size]) => {
      const bytes = Uint8Array.from(fill(dtype, 6 * size, 0, 256));
      return [`layer.${dtype}`, { dtype: dtype as Dtype, shape: [2, 3], bytes }];
    }),
  );
  tensors.set("empty", { dtype: "F32", shape: [0, 4], bytes: new Uint8Array(0) });
  tensors.set("module.one", { dtype: "F16", shape: [], bytes: new Uint8Array(2) });
  return new Map([
    ["every dtype", serializeSafetensors(tensors, { format: "pt", about: '{"a":[1,2]}' })],
    ["nothing", serializeSafetensors(new Map())],
  ]);
}

/** The header of a safetensors file, and where its data begins; null where there is no room for it. */
function headerOf(file: Bytes): { text: string; end: number } | null {
  if (file.length < 8) return null;
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return length > file.length - 8 ? null : { text: textOf(file.subarray(8, 8 + length)), end: 8 + length };
}

/** Another header, its length with it. */
function withHeader(file: Bytes, change: (text: string) => string): Bytes {
  const header = headerOf(file);
  if (!header) return file;
  const text = utf8(change(header.text));
  return concat(
    withNumber(new Uint8Array(8), 0, 8, BigInt(text.length), true),
    text,
    file.subarray(header.end),
  );
}

export const SAFETENSORS: Mutators = {
  json: (file, numbers) => withHeader(file, (text) => editedJson(text, numbers)),
  /** A number among the header's is another. */
  digit: (file, [a, b, c]) =>
    withHeader(file, (text) => {
      const found = [...text.matchAll(/\d+/g)], at = found[a % Math.max(1, found.length)];
      if (!at) return text;
      const number = [`${c}`, "0", "-1", "1e3", "2.5", `${2 ** 53}`, "18446744073709551616"][b % 7];
      return text.slice(0, at.index) + number + text.slice(at.index + at[0].length);
    }),
  headerLength: (file, numbers) => oddField(file, [[0, 8], [0, 4]], numbers, true),
  value: (file, numbers) => {
    const { end } = headerOf(file) ?? { end: 0 }, [a, b] = numbers;
    const at = end + a % Math.max(1, file.length - end);
    return withNumber(
      file,
      at,
      4,
      BigInt([0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 1, 0][b % 6]),
      true,
    );
  },
};

/** The golden checkpoints. */
export async function pthSeeds(): Promise<Map<string, Bytes>> {
  const folder = new URL("../golden/", import.meta.url), seeds = new Map<string, Bytes>();
  for await (const { name } of Deno.readDir(folder)) {
    if (/^pth_.*\.pth$/.test(name)) seeds.set(name, await Deno.readFile(new URL(name, folder)));
  }
  return new Map([...seeds].sort(([a], [b]) => a < b ? -1 : 1));
}

/** Bytes behind an opcode; of those with a text or number, the bytes of its length, negative. */
const ARGUMENTS: Readonly<Record<string, number>> = {
  ...{
    "\x80": 1,
    K: 1,
    M: 2,
    J: 4,
    G: 8,
    h: 1,
    j: 4,
    q: 1,
    r: 4,
    "\x95": 8,
    "\x82": 1,
    "\x83": 2,
    "\x84": 4,
  },
  ...{
    "\x8a": -1,
    "\x8c": -1,
    C: -1,
    U: -1,
    X: -4,
    B: -4,
    T: -4,
    "\x8b": -4,
    "\x8d": -8,
    "\x8e": -8,
    "\x96": -8,
  },
};
const LINE_FEED = 10, MOST_OPERATIONS = 20_000;

/** The operations of pickles one after another, as far as they are whole and not too many; what follows is the last. */
function operationsOf(pickle: Bytes): Bytes[] {
  const operations: Bytes[] = [];
  for (let at = 0; at < pickle.length;) {
    const opcode = String.fromCharCode(pickle[at]), size = ARGUMENTS[opcode] ?? 0;
    let end = at + 1 + Math.abs(size);
    for (let i = 0; size < 0 && i < -size; i++) end += (pickle[at + 1 + i] ?? 0) * 2 ** (8 * i);
    if (opcode === "c") end = pickle.indexOf(LINE_FEED, pickle.indexOf(LINE_FEED, at) + 1) + 1;
    if (end <= at || end > pickle.length || operations.length === MOST_OPERATIONS) end = pickle.length;
    operations.push(pickle.slice(at, end));
    at = end;
  }
  return operations;
}

/** What a pickle might say instead. */
const SAYINGS = [
  ..."N\x88\x89])}(t\x85\x86\x87aesu01.RbQ\x93\x94\x8f\x90\x91\x81\x92\x97\x98io2d",
  ..."K\0|K\x01|J\xff\xff\xff\xff|J\xff\xff\xff\x7f|G\x7f\xf0\0\0\0\0\0\0|h\0|h\x01|j\xff\xff\xff\xff".split(
    "|",
  ),
  ..."q\0|r\xff\xff\xff\xff|\x8a\xff|\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f|X\0\0\0\0|X\xff\xff\xff\x7f"
    .split("|"),
  ...[
    "cos\nsystem\n",
    "ctorch\nSize\n",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ccollections\nOrderedDict\n",
  ],
  ...[
    "ctorch\nFloatStorage\n",
    "\x95\xff\xff\xff\xff\xff\xff\xff\xff",
    "\x8c\x01x",
    "(".repeat(2000),
    "h\0".repeat(500),
  ],
];

/** Damage to operations. @param join the file with another pickle; null where it has none */
function pickleMutators(
  split: (file: Bytes) => Bytes[],
  join: Pieces["join"],
) {
  const say: Mutator = (file, [a, b, c]) => {
    const operations = split(file);
    if (operations.length === 0) return file;
    const times = c < 32 ? 1 : 1 + c % 1000, saying = latin1(SAYINGS[b % SAYINGS.length].repeat(times));
    return join(operations.toSpliced(a % operations.length, 0, saying), file);
  };
  return { ...pieceMutators({ split, join }), say };
}

/** The damage that fits a pickle that is a whole file. */
export const PICKLE: Mutators = pickleMutators(operationsOf, concatenated);

const isZip = (file: Bytes) => file[0] === 0x50;

/** An archive's entries, in an object without a prototype: they may be called anything; none where it is damaged. */
function entriesOf(file: Bytes): Record<string, Bytes> {
  try {
    const entries = readZip(file, (found) => {
      throw new InputError(found);
    });
    return Object.assign(Object.create(null), Object.fromEntries(entries));
  } catch (error) {
    if (error instanceof InputError) return {};
    throw error;
  }
}
const pickleIn = (entries: Record<string, Bytes>) =>
  Object.keys(entries).find((name) => name.endsWith("data.pkl"));

/** Fields by the records they are in: an entry where it is stored and in the directory, and the directory's end. */
const RECORDS: readonly [signature: number, fields: Field[]][] = [
  [0x04034b50, [[6, 2], [8, 2], [18, 4], [22, 4], [26, 2], [28, 2]]],
  [0x02014b50, [[8, 2], [10, 2], [20, 4], [24, 4], [28, 2], [30, 2], [32, 2], [42, 4]]],
  [0x06054b50, [[8, 2], [10, 2], [12, 4], [16, 4], [20, 2]]],
  [0x06064b50, [[4, 8], [24, 8], [32, 8], [40, 8], [48, 8]]],
  [0x07064b50, [[4, 4], [8, 8], [16, 4]]],
];

export const PTH: Mutators = {
  ...pickleMutators(
    (file) => {
      if (!isZip(file)) return operationsOf(file);
      const entries = entriesOf(file), name = pickleIn(entries);
      return name === undefined ? [] : operationsOf(entries[name]);
    },
    (pieces, file) => {
      if (!isZip(file)) return concatenated(pieces);
      const entries = entriesOf(file), name = pickleIn(entries);
      return name === undefined ? file : zip({ ...entries, [name]: concatenated(pieces) });
    },
  ),
  /** A field of the archive's, wherever its records are. */
  record(file, [a, b, c]: Numbers) {
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    const found: [at: number, fields: Field[]][] = [];
    for (let at = 0; at + 4 <= file.length; at++) {
      const [, fields] = RECORDS.find(([signature]) => signature === view.getUint32(at, true)) ?? [];
      if (fields) found.push([at, fields]);
    }
    if (found.length === 0) return file;
    const [at, fields] = found[a % found.length];
    return oddField(file, fields.map(([from, size]): Field => [at + from, size]), [b, c, 0], true);
  },
  /** All sizes and offsets in the fields of 64 bits. */
  wide: (file) =>
    isZip(file) && pickleIn(entriesOf(file)) !== undefined ? zip(entriesOf(file), { wide: true }) : file,
  entry(file, [a, b, c]) {
    const entries = Object.entries(entriesOf(file));
    if (entries.length === 0) return file;
    const [name, bytes] = entries[a % entries.length];
    const change: [string, Bytes][] = [[name, bytes.slice(0, b % (bytes.length + 1))], [name + "x", bytes]];
    return zip(Object.fromEntries(entries.with(a % entries.length, change[c % 2])));
  },
};
