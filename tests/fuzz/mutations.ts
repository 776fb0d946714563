/**
 * How files are damaged: a mutation is a name and three numbers, so that one that broke something can be written down, made
 * smaller and made again. Here are those that fit any file; those that know a format stand beside its seeds.
 *
 * @module
 */
import fc from "npm:fast-check@^4.10.2";
import { concat } from "../reference/checkpoint.ts";

/** A file in memory. */
export type Bytes = Uint8Array<ArrayBuffer>;
/** What a mutation is to be about, each 0 to 2^32 − 1; it takes from them what it needs. */
export type Numbers = readonly [a: number, b: number, c: number];
/** Makes another file of one. It copes with whatever other mutations have left. @param others of the same kind */
export type Mutator = (file: Bytes, numbers: Numbers, others: readonly Bytes[]) => Bytes;
/** Mutators by name. */
export type Mutators = Readonly<Record<string, Mutator>>;
/** One of them with its numbers. */
export type Mutation = readonly [name: string, ...Numbers];
/** A damaged file: which it was, and what happened to it. */
export type Case = readonly [seed: string, mutations: readonly Mutation[]];

/** Values at which programs go wrong, of up to 64 bits. */
const ODD = [0n, 1n, 2n, 7n, 8n, 0x7fn, 0x80n, 0xffn, 0x100n, 0x2000n, 0x7fffn, 0x8000n, 0xffffn, 0x10000n]
  .concat([
    0x7fffffffn,
    0x80000000n,
    0xfffffffen,
    0xffffffffn,
    0x100000000n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
  ]);

/** A value for a field: an odd one for a small number, else the number itself. */
export function odd(n: number): bigint {
  return ODD[n] ?? BigInt(n);
}

/** The file with a number of 1, 2, 4 or 8 bytes put at a place, as far as there is room for it. */
export function withNumber(file: Bytes, at: number, size: number, value: bigint, little: boolean): Bytes {
  const out = file.slice(), field = new Uint8Array(8);
  new DataView(field.buffer).setBigUint64(0, BigInt.asUintN(64, value), little);
  const bytes = little ? field.subarray(0, size) : field.subarray(8 - size);
  bytes.forEach((byte, i) => at + i < out.length && (out[at + i] = byte));
  return out;
}

/** A field of a header: where it is, and its bytes. */
export type Field = readonly [at: number, size: number];

/** Gives one of some fields an odd value. */
export function oddField(file: Bytes, fields: readonly Field[], [a, b]: Numbers, little: boolean): Bytes {
  const [at, size] = fields[a % fields.length];
  return withNumber(file, at, size, odd(b), little);
}

/** Bytes that one mutation adds at most. */
const MOST_ADDED = 2 ** 20;
const place = (file: Bytes, n: number) => file.length === 0 ? 0 : n % file.length;
const number = (size: number): Mutator => (file, [a, b, c]) =>
  withNumber(file, place(file, a), size, odd(b), c % 2 === 0);

/** What fits any file. */
export const ANY: Mutators = {
  flip(file, [a, b]) {
    const out = file.slice();
    if (out.length > 0) out[place(file, a)] ^= 1 << b % 8;
    return out;
  },
  set: (file, [a, b]) => withNumber(file, place(file, a), 1, BigInt(b % 256), true),
  number16: number(2),
  number32: number(4),
  number64: number(8),
  cut: (file, [a]) => file.slice(0, place(file, a)),
  drop: (file, [a, b]) =>
    concat(file.subarray(0, place(file, a)), file.subarray(place(file, a) + 1 + b % 64)),
  insert(file, [a, b, c]) {
    const noise = Uint8Array.from({ length: 1 + b % 64 }, (_, i) => Math.imul(c + i, 0x9e3779b1) >>> 24);
    return concat(file.subarray(0, place(file, a)), noise, file.subarray(place(file, a)));
  },
  copy(file, [a, b, c]) {
    const at = place(file, a), from = place(file, b), part = file.subarray(from, from + 1 + c % 256);
    return concat(file.subarray(0, at), part, file.subarray(at));
  },
  fill: (file, [a, b, c]) =>
    file.slice().fill(c % 2 === 0 ? 0 : 0xff, place(file, a), place(file, a) + 1 + b % 256),
  pad: (file, [a, b]) => concat(file, new Uint8Array(a % MOST_ADDED).fill(b % 256)),
  splice(file, [a, b, c], others) {
    const other = others[c % others.length];
    return concat(file.subarray(0, place(file, a)), other.subarray(place(other, b)));
  },
};

/** A piece as many times, as far as that is a MiB at most. */
export function repeated(piece: Bytes, times: number): Bytes[] {
  return Array<Bytes>(Math.min(times, Math.floor(MOST_ADDED / (1 + piece.length)))).fill(piece);
}

/** A format as pieces that can be put together again, with lengths and checksums that are right. */
export interface Pieces {
  /** The pieces of a file, as far as it has whole ones. */
  split(file: Bytes): Bytes[];
  /** @param file what they are of */
  join(pieces: readonly Bytes[], file: Bytes): Bytes;
}

/** Damage that leaves the pieces' frame whole, so that it reaches what is in them. */
export function pieceMutators({ split, join }: Pieces, most = 300): Mutators {
  const onPieces = (change: (pieces: Bytes[], numbers: Numbers) => Bytes[]): Mutator => (file, numbers) => {
    const pieces = split(file);
    return pieces.length === 0 ? file : join(change(pieces, numbers), file);
  };
  return {
    dropPiece: onPieces((pieces, [a]) => pieces.toSpliced(a % pieces.length, 1)),
    repeatPiece: onPieces((pieces, [a, b]) => {
      const at = a % pieces.length;
      return [...pieces.slice(0, at), ...repeated(pieces[at], 1 + b % most), ...pieces.slice(at)];
    }),
    swapPieces: onPieces((pieces, [a, b]) => {
      const [x, y] = [a % pieces.length, b % pieces.length];
      return pieces.with(x, pieces[y]).with(y, pieces[x]);
    }),
    alterPiece: onPieces((pieces, [a, b, c]) => {
      const at = a % pieces.length;
      return pieces.with(at, ANY.set(pieces[at], [b, c, 0], []));
    }),
    numberInPiece: onPieces((pieces, [a, b, c]) => {
      const at = a % pieces.length, piece = pieces[at];
      return pieces.with(at, withNumber(piece, place(piece, b), 4, odd(c), c % 2 === 0));
    }),
    cutPiece: onPieces((pieces, [a, b]) => {
      const at = a % pieces.length, piece = pieces[at];
      return pieces.with(at, piece.slice(0, place(piece, b)));
    }),
  };
}

/** The file that a case is. */
export function damaged(
  [seed, mutations]: Case,
  seeds: ReadonlyMap<string, Bytes>,
  known: Mutators,
): Bytes {
  const others = [...seeds.values()];
  return mutations.reduce((file, [name, ...numbers]) => known[name](file, numbers, others), seeds.get(seed)!);
}

/** Cases of some seeds: one mutation or up to six, of the format's own as often as of any. */
export function cases(seeds: readonly string[], own: Mutators): fc.Arbitrary<Case> {
  const number = fc.oneof(fc.nat(31), fc.nat(2 ** 32 - 1));
  const names = [ANY, own].map((mutators) => Object.keys(mutators)).filter(({ length }) => length > 0);
  const name = fc.oneof(...names.map((some) => fc.constantFrom(...some)));
  const mutation = fc.tuple(name, number, number, number);
  const some = (maxLength: number) => fc.array(mutation, { minLength: 1, maxLength });
  return fc.tuple(fc.constantFrom(...seeds), fc.oneof(some(1), some(6)));
}
