/**
 * Kernels that read a row's values four at a time where its width allows: their WGSL says `Element`, and this file
 * decides what that is, how many threads share a row, and how they add up.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { FloatType } from "../../gpu/tensor.ts";
import dropout from "./dropout.wgsl" with { type: "text" };
import rows from "../rows/rows.wgsl" with { type: "text" };

const GROUP = 64; // invocations a workgroup
// Threads that share a row. A software adapter's lanes take whole rows: a barrier costs more than what it saves.
const LANES = { software: 1, hardware: 32 };

/** A kernel for rows of one kind, with how to count and to launch. */
export interface RowKernel {
  kernel: Kernel;
  /** Floats an Element. */
  width: 1 | 4;
  /** Workgroups for that many rows, over x and y. */
  grid(rows: number): [number, number];
}

const kernels = new Map<string, Map<string, RowKernel>>(); // by their text

/**
 * The entry point of a row kernel for rows of `columns` values. The text is preceded by dropout.wgsl, rows.wgsl and
 * constants; it is made once for each kind.
 */
export function rowKernel(
  gpu: Compute,
  source: string,
  name: string,
  entry: string,
  columns: number,
): RowKernel {
  const width = columns % 4 === 0 ? 4 : 1;
  const lanes = LANES[gpu.profile.kind];
  const key = `${name} ${entry} ${width} ${lanes}`;
  let known = kernels.get(source);
  if (!known) kernels.set(source, known = new Map());
  let row = known.get(key);
  if (!row) {
    const text = elementText(width) + dropout + (lanes > 1 ? rows : ALONE) + source;
    const perGroup = GROUP / lanes;
    row = {
      kernel: {
        name: `${name}${width === 4 ? " vec4" : ""}`,
        source: text,
        entry,
        constants: { LANES: lanes, GROUP },
      },
      width,
      grid(rows: number): [number, number] {
        const groups = Math.ceil(rows / perGroup);
        return groups <= 65535 ? [groups, 1] : [65535, Math.ceil(groups / 65535)];
      },
    };
    known.set(key, row);
  }
  return row;
}

/** What rows.wgsl comes down to where a row has one thread. */
const ALONE = `
fn row_sum(v: f32, thread: u32) -> f32 { return v; }
fn row_max(v: f32, thread: u32) -> f32 { return v; }
`;

/** How `width` values lie in memory, as WGSL calls it: `vec4h`, `f32`. */
export function storedType(width: 1 | 2 | 4, dtype: FloatType): string {
  return width === 1 ? dtype : `vec${width}${dtype === "f16" ? "h" : "f"}`;
}

/**
 * `Element`, its components' sum and maximum, and the index of its components; and `Stored`, as which Elements lie in memory
 * where they may be of another dtype than what is computed with.
 */
export function elementText(width: 1 | 4, dtype: FloatType = "f32"): string {
  const stored = `alias Stored = ${storedType(width, dtype)};\n`;
  return stored + (width === 4
    ? `alias Element = vec4f; alias Index = vec4u; alias Choice = vec4<bool>;
fn total(v: vec4f) -> f32 { return dot(v, vec4f(1.0)); }
fn largest(v: vec4f) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }
fn positions(i: u32) -> vec4u { return 4u * i + vec4u(0u, 1u, 2u, 3u); }
`
    : `alias Element = f32; alias Index = u32; alias Choice = bool;
fn total(v: f32) -> f32 { return v; }
fn largest(v: f32) -> f32 { return v; }
fn positions(i: u32) -> u32 { return i; }
`);
}

/** How values are dropped: with which probability, and by which numbers. */
export interface Dropout {
  /** 0..1; 0 keeps everything. */
  p: number;
  /** 32 bits: the same seed drops the same positions. */
  seed: number;
}

/** Dropout as the kernels take it: `threshold` of 2³² hashes are dropped, what is left is scaled up. */
export function dropoutParams(d?: Dropout): { seed: number; threshold: number; rescale: number } {
  if (!d || d.p === 0) return { seed: 0, threshold: 0, rescale: 1 };
  if (!(d.p > 0 && d.p < 1)) {
    throw new RangeError(`Expected a dropout probability of 0 to below 1, but found ${d.p}`);
  }
  return {
    seed: d.seed,
    threshold: Math.min(Math.round(d.p * 2 ** 32), 2 ** 32 - 1),
    rescale: 1 / (1 - d.p),
  };
}
