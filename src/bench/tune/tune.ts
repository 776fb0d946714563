/**
 * Looks for better tiles on the adapter at hand: every candidate of a table at every shape, checked before it is timed. One
 * that is refused by the device, or makes anything wrong, is out and takes nothing else along.
 *
 * @module
 */
import { Gpu } from "../../gpu/gpu.ts";
import type { AdapterKind } from "../../gpu/profile.ts";
import { fill } from "../../kernels/dense/elementwise.ts";
import { Stopwatch } from "../timing.ts";
import { attentionFamily } from "./attention.ts";
import { correlateFamily, depthwiseFamily, weightFamily } from "./convolution.ts";
import { type Family, fault, type Tried } from "./family.ts";
import { gemmFamily } from "./gemm.ts";

/** What became of a family. */
export interface Tuned {
  name: string;
  /** Where the table is. */
  file: string;
  problems: { shape: string; note: string; flops: number }[];
  /** The table first. */
  tried: Tried<unknown>[];
  /** Candidates for which the time did not suffice. */
  left: unknown[];
  /** Rows for the table. */
  code: string;
}

/** What became of all. */
export interface Tuning {
  adapter: string;
  kind: AdapterKind;
  subgroup: number;
  seconds: number;
  families: Tuned[];
}

/** How to look. */
export interface TuneOptions {
  /** For everything. */
  seconds: number;
  /** Told what is tried next. */
  onProgress?: (what: string) => void;
}

const UNWRITTEN = 1e30; // what outputs hold before
const RUNS = 3;
const RUN_MS = 30; // at least, a run doing short work as often as fills it
const SLOW = 3; // times the best so far: not timed again

/** All families, at shapes that an adapter of that kind can do in the time. */
export function familiesFor(kind: AdapterKind): Family<unknown>[] {
  return [gemmFamily, attentionFamily, correlateFamily, weightFamily, depthwiseFamily]
    .map((make) => make(kind) as Family<unknown>);
}

/** Tunes all families; each has its share of the time that is left. */
export async function tune({ seconds, onProgress }: TuneOptions): Promise<Tuning> {
  const began = performance.now(), since = () => (performance.now() - began) / 1000;
  const gpu = await Gpu.open(), { info: { description: adapter }, profile } = gpu;
  gpu.close();
  const families: Tuned[] = [];
  const all = familiesFor(profile.kind);
  for (const [i, family] of all.entries()) {
    const share = (seconds - since()) / (all.length - i);
    families.push(await tuneFamily(family, { seconds: share, onProgress }));
  }
  return { adapter, ...profile, seconds: since(), families };
}

/** Tunes one: what the table has, whatever time it takes, then candidates, each at all shapes, until the time is over. */
export async function tuneFamily<T>(family: Family<T>, { seconds, onProgress }: TuneOptions): Promise<Tuned> {
  const began = performance.now();
  const isOver = () => performance.now() - began > 1000 * seconds;
  const { name, file, problems } = family;
  const bench = await Bench.open(family);
  try {
    const { profile } = bench.gpu;
    const candidates: (T | "table")[] = ["table", ...family.candidates(profile)];
    const tried: Tried<T>[] = [];
    while (candidates.length > 0 && (candidates[0] === "table" || !isOver())) {
      const tile = candidates.shift()!, one: Tried<T> = { tile, ms: [], faults: [] };
      onProgress?.(`${name} ${JSON.stringify(tile)}`);
      for (const [p, { row, shape, note }] of problems.entries()) {
        if (tile !== "table" && isOver()) break;
        const actual = tile === "table" ? family.present(row, profile) : tile;
        const best = Math.min(...tried.map(({ ms }) => ms[p] ?? Infinity));
        try {
          one.ms.push(await bench.time(p, actual, best));
        } catch (error) {
          one.ms.push(null);
          one.faults.push(`${shape} ${note}: ${(error as Error).message.trim().split("\n")[0]}`);
          await bench.renew(); // errors of a device stay with it
        }
      }
      if (one.ms.length === problems.length) tried.push(one);
      else candidates.unshift(tile);
    }
    return {
      name,
      file,
      problems: problems.map(({ shape, note, flops }) => ({ shape, note, flops })),
      tried,
      left: candidates,
      code: family.code(tried, problems, profile),
    };
  } finally {
    bench.close();
  }
}

/** A family's problems on a device. */
class Bench<T> {
  gpu: Gpu;
  #watch: Stopwatch;
  #family: Family<T>;
  #work: ReturnType<Family<T>["problems"][number]["prepare"]>[];
  /** Results that were right, by problem and output. */
  #right = new Map<string, Float32Array>();

  private constructor(family: Family<T>, gpu: Gpu, watch: Stopwatch) {
    this.#family = family;
    this.gpu = gpu;
    this.#watch = watch;
    this.#work = family.problems.map(({ prepare }) => prepare(gpu));
  }

  static async open<T>(family: Family<T>): Promise<Bench<T>> {
    const gpu = await Gpu.open();
    try {
      return new Bench(family, gpu, await Stopwatch.start(gpu));
    } catch (error) {
      gpu.close();
      throw error;
    }
  }

  /** Begins anew on another device. */
  async renew(): Promise<void> {
    this.gpu.close();
    this.gpu = await Gpu.open();
    this.#watch = await Stopwatch.start(this.gpu);
    this.#work = this.#family.problems.map(({ prepare }) => prepare(this.gpu));
  }

  close(): void {
    this.gpu.close();
  }

  /**
   * Milliseconds that a tile takes at a problem, the least of some runs.
   *
   * @param best of others, beyond which it is not worth knowing exactly
   * @throws {Error} where the result is not right, or the device refuses
   */
  async time(problem: number, tile: T, best: number): Promise<number> {
    const { run, outputs } = this.#work[problem], gpu = this.gpu;
    for (const { tensor } of outputs) fill(gpu, tensor, UNWRITTEN);
    await gpu.step(() => run(tile));
    for (const [o, { tensor, samples }] of outputs.entries()) {
      const found = await gpu.read(tensor), key = `${problem} ${o}`, right = this.#right.get(key) ?? null;
      const wrong = fault(found, samples, right);
      if (wrong !== null) throw new Error(wrong);
      if (!right) this.#right.set(key, found);
    }
    const once = () => this.#watch.once(() => run(tile), 1);
    const warm = Math.min(await once(), await once());
    if (warm > SLOW * best) return warm;
    const repeats = Math.min(1000, Math.max(1, Math.ceil(RUN_MS / warm)));
    let least = repeats === 1 ? warm : Infinity;
    for (let i = 0; i < RUNS; i++) least = Math.min(least, await this.#watch.once(() => run(tile), repeats));
    return least;
  }
}
