/**
 * What the tuner asks of kernels that have a table of tiles: which there are to try, at which shapes, and what is right.
 *
 * @module
 */
import type { Gpu } from "../../gpu/gpu.ts";
import type { Profile } from "../../gpu/profile.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { mix32 } from "../../hash.ts";

/** Values of a result that are known otherwise: where they lie in it, and what they are. */
export type Samples = readonly (readonly [index: number, value: number])[];

/** A result, with some of its values. */
export interface Output {
  tensor: Tensor;
  samples: Samples;
}

/** Work at one shape. */
export interface Problem<T> {
  shape: string;
  note: string;
  /** Floating-point operations. */
  flops: number;
  /** The row of the table that decides. */
  row: string;
  /** Makes the operands, which belong to the caller. @returns the work, which writes all of the outputs */
  prepare(gpu: Gpu): { run: (tile: T) => void; outputs: Output[] };
}

/** Kernels with a table of tiles. */
export interface Family<T> {
  name: string;
  /** Where the table is. */
  file: string;
  /** What the table has now, of a row. */
  present(row: string, profile: Profile): T;
  /** Others to try, the most promising first. */
  candidates(profile: Profile): T[];
  problems: Problem<T>[];
  /** The table's rows as code. `ms` of a tile is null at a shape where it was not right or was not tried. */
  code(tried: readonly Tried<T>[], problems: readonly Problem<T>[], profile: Profile): string;
}

/** A tile, and how long it took at each of the problems. */
export interface Tried<T> {
  tile: T | "table";
  ms: (number | null)[];
  /** What was wrong, if anything was. */
  faults: string[];
}

/** Values in −1..1 that do not repeat; others with another seed. */
export function operand(seed: number, size: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(size), key = mix32(seed + 1);
  for (let i = 0; i < size; i++) values[i] = mix32((i ^ key) >>> 0) / 2 ** 31 - 1;
  return values;
}

/** The first and the last of so many values, and some between them. */
export function places(size: number, count = 48): number[] {
  const between = Array.from({ length: count - 2 }, (_, i) => mix32(i + 1) % size);
  return [...new Set([0, size - 1, ...between])];
}

/** Samples where a value can be asked for by its index. */
export function sampled(size: number, valueAt: (index: number) => number): Samples {
  return places(size).map((index) => [index, valueAt(index)] as const);
}

const TOLERANCE = 2e-4; // of the root mean square; sums of 4096 products in another order differ by some 1e-6 of it

/**
 * What is wrong with a result, or null. It is held against the values that are known, and in full against another result that
 * was right there.
 */
export function fault(found: Float32Array, samples: Samples, right: Float32Array | null): string | null {
  const known = right ?? Float32Array.from(samples, ([, value]) => value);
  const scale = Math.sqrt(known.reduce((sum, value) => sum + value * value, 0) / known.length);
  const differs = (value: number, wanted: number) => !(Math.abs(value - wanted) <= TOLERANCE * scale);
  for (const [index, wanted] of samples) {
    if (differs(found[index], wanted)) return `value ${index} is ${found[index]}, not ${wanted}`;
  }
  const index = right?.findIndex((wanted, i) => differs(found[i], wanted)) ?? -1;
  return index < 0 ? null : `value ${index} is ${found[index]}, not ${right![index]}`;
}

/**
 * The tile that takes the least time at the problems of a row, relative to the best at each; the table's where none gains more
 * than noise.
 */
export function best<T>(tried: readonly Tried<T>[], problems: readonly number[]): Tried<T> | null {
  const costs = tried.map((one) => costOf(tried, problems.map((p) => [one, p] as const)));
  const least = Math.min(...costs);
  if (least === Infinity) return null;
  const table = tried.findIndex(({ tile }) => tile === "table");
  return tried[table >= 0 && costs[table] <= least * NOISE ? table : costs.indexOf(least)];
}

/** What a choice must gain to be one. */
export const NOISE = 1.03;

/** Geometric mean of times, each relative to the best at its problem; infinite where one was not right. */
export function costOf<T>(
  tried: readonly Tried<T>[],
  chosen: readonly (readonly [of: Tried<T>, problem: number])[],
): number {
  const logs = chosen.map(([{ ms }, p]) =>
    ms[p] === null ? Infinity : Math.log(ms[p]! / Math.min(...tried.map((t) => t.ms[p] ?? Infinity)))
  );
  return Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length);
}

/** An object as code. */
export function literal(tile: object): string {
  const fields = Object.entries(tile).map(([name, value]) => `${name}: ${value}`);
  return `{ ${fields.join(", ")} }`;
}
