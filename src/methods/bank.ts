/**
 * A memory bank: rows of features on the GPU, in as many pieces as the binding limit asks for, and the nearest of them to
 * queries. ‖q − b‖² = ‖q‖² − 2 q·b + ‖b‖² by matrix products finds candidates, in the order of ‖b‖² − 2 q·b; everything is
 * taken relative to the bank's mean, so that as little as can be cancels. Some more candidates than wanted are
 * kept, and their distances computed again from differences: these are what counts.
 *
 * @module
 */
import type { HostTensor } from "../optim/parameters.ts";
import { SettingError } from "../errors.ts";
import { GpuError, mib } from "../gpu/error.ts";
import type { Compute } from "../gpu/compute.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { fill } from "../kernels/dense/elementwise.ts";
import { gemm } from "../kernels/dense/gemm.ts";
import {
  candidates,
  choose,
  gather,
  merge,
  order,
  type Piece,
  squaredDistances,
} from "../kernels/search/neighbours.ts";
import { standardise } from "../kernels/norm/standardise.ts";
import { meanOf } from "./mean.ts";
import { type State, tensorOf } from "./method.ts";
import { pauses } from "./pause.ts";
import { bankBytes, Slots } from "./slots.ts";

/** Candidates beyond those wanted. */
export const SPARE = 7;
const FAR = 3.4e38; // the squared length of a row that only fills up: never chosen, as neighbours.wgsl has it
const QUERIES = 2048; // that are looked up together
const WRITTEN = 4096; // rows at once
const SCORES_BYTES = { software: 16 << 20, hardware: 128 << 20 }; // of queries against rows

/** The nearest rows of each query, nearest first. */
export interface Nearest {
  /** Euclidean, [Q, k]. */
  distances: Tensor;
  /** Their slots in the bank, [Q, k]; see {@linkcode Bank.rowOf}. */
  slots: Tensor<"u32">;
}

/** A bank on the host: its rows less their mean [rows, C], and the mean [C]. */
export interface HostBank {
  readonly rows: HostTensor;
  readonly mean: HostTensor;
}

/** A bank as a model file has it, `bank` [rows, C] and `bank_mean` [C]. @throws {RangeError} where it has not */
export function bankIn(state: State, C: number): HostBank {
  return { rows: tensorOf(state, "bank", [0, C]), mean: tensorOf(state, "bank_mean", [C]) };
}

/** Rows to be searched. */
export class Bank implements Disposable {
  /** How many rows there are. */
  readonly rows: number;
  #gpu: Gpu;
  #slots: Slots;
  #pieces: (Piece & { squares: Tensor })[] = [];
  #mean: Tensor;
  #ones: Tensor;
  #hostMean: Float32Array<ArrayBuffer>;

  private constructor(gpu: Gpu, slots: Slots, mean: Float32Array<ArrayBuffer>) {
    this.#gpu = gpu;
    this.#slots = slots;
    this.rows = slots.rows;
    this.#hostMean = mean;
    this.#mean = gpu.tensor(mean);
    this.#ones = gpu.tensor(new Float32Array(slots.C).fill(1));
    for (let first = 0; first < slots.count; first += slots.most) {
      const size = Math.min(slots.most, slots.count - first);
      const values = gpu.empty([size, slots.wide], "a bank"), squares = gpu.empty([size], "a bank");
      this.#pieces.push({ values, squares, first });
    }
  }

  /**
   * A bank of the rows of some arrays, one after the other.
   *
   * @param arrays of whole rows of C values each
   * @param C values of a row
   * @param unit rows that can be searched without the others, `nearest(…, units)`: those of an image
   * @throws {SettingError} where the GPU has not that much memory
   */
  static async of(
    gpu: Gpu,
    arrays: readonly Float32Array[],
    C: number,
    unit = 4,
    onArray: (done: number) => void = () => {},
    signal?: AbortSignal,
  ): Promise<Bank> {
    const bank = await Bank.#take(gpu, arrays, C, unit, await meanOf(arrays, C, signal));
    try {
      await bank.#load(arrays, bank.#hostMean, onArray, signal);
    } catch (error) {
      bank[Symbol.dispose]();
      throw error;
    }
    return bank;
  }

  /** A bank from {@linkcode Bank.read}: its rows less their mean, and the mean. */
  static async open(gpu: Gpu, { rows, mean }: HostBank, unit = 4): Promise<Bank> {
    const C = mean.data.length, bank = await Bank.#take(gpu, [rows.data], C, unit, mean.data);
    try {
      await bank.#load([rows.data], new Float32Array(C));
      return bank;
    } catch (error) {
      bank[Symbol.dispose]();
      throw error;
    }
  }

  /** A model file's bank. @throws {RangeError} as {@linkcode bankIn} does */
  static async fromState(gpu: Gpu, state: State, C: number): Promise<Bank> {
    return await Bank.open(gpu, bankIn(state, C));
  }

  /** The bank as {@linkcode Bank.fromState} takes it. */
  async tensors(): Promise<State["tensors"]> {
    const { rows, mean } = await this.read();
    return new Map([["bank", rows], ["bank_mean", mean]]);
  }

  static async #take(
    gpu: Gpu,
    arrays: readonly Float32Array[],
    C: number,
    unit: number,
    mean: Float32Array<ArrayBuffer>,
  ): Promise<Bank> {
    const rows = arrays.reduce((sum, { length }) => sum + length / C, 0);
    const slots = new Slots(gpu.limits.maxStorageBufferBindingSize, rows, C, unit);
    let bank: Bank | null = null;
    try {
      bank = new Bank(gpu, slots, mean);
      await gpu.read(bank.#mean); // says so if there is no memory
      return bank;
    } catch (error) {
      bank?.[Symbol.dispose]();
      if (!(error instanceof GpuError && error.kind === "out-of-memory")) throw error;
      throw new SettingError(
        `A bank of ${rows} × ${C} features needs ${
          mib(bankBytes(rows, C, unit))
        } on the GPU: ${error.message}\n` +
          "Lower {feature_size}, keep fewer of the patches, or take fewer training images.",
        "memory",
      );
    }
  }

  /** Fills the bank with rows less `mean`; their squares are summed in float64. */
  async #load(
    arrays: readonly Float32Array[],
    mean: Float32Array,
    onArray: (done: number) => void = () => {},
    signal?: AbortSignal,
  ): Promise<void> {
    const slots = this.#slots, { C, wide, most } = slots, pause = pauses(signal);
    for (const { values } of this.#pieces) fill(this.#gpu, values, 0);
    const squares = new Float32Array(slots.count).fill(FAR);
    let row = 0;
    for (const [i, array] of arrays.entries()) {
      for (let at = 0; at < array.length;) {
        // Rows that lie one after the other in a piece are written together.
        const slot = slots.of(row), piece = this.#pieces[Math.floor(slot / most)];
        const count = Math.min(slots.run(row), (array.length - at) / C, WRITTEN);
        const block = new Float32Array(count * wide);
        for (let r = 0; r < count; r++, row++, at += C) {
          let square = 0;
          for (let c = 0; c < C; c++) {
            const value = Math.fround(array[at + c] - mean[c]);
            block[r * wide + c] = value;
            square += value * value;
          }
          squares[slot + r] = square;
        }
        this.#gpu.stream.write(piece.values.part(wide * (slot - piece.first), [count, wide]), block);
        await pause();
      }
      onArray(i + 1);
    }
    for (const { squares: to, first } of this.#pieces) {
      this.#gpu.stream.write(to, squares.slice(first, first + to.size));
    }
  }

  /** The row in a slot. */
  rowOf(slot: number): number {
    return this.#slots.rowIn(slot);
  }

  /** Queries [Q, C] less the bank's mean, with zeros behind them, as the rows are: [Q, wide]. */
  centre(gpu: Compute, queries: Tensor): Tensor {
    const { C, wide } = this.#slots, Q = queries.size / C;
    return standardise(gpu, queries.view([Q, 1, C]), this.#mean, this.#ones, wide).view([Q, wide]);
  }

  /**
   * The nearest rows.
   *
   * @param gpu where to compute, and what the result is taken from
   * @param queries [Q, wide] from {@linkcode Bank.centre} or {@linkcode Bank.gather}
   * @param k at most as many as rows are searched
   * @param units the units that are searched; all by default
   * @returns for the caller to release
   */
  nearest(gpu: Compute, queries: Tensor, k: number, units?: readonly number[]): Nearest {
    const { wide } = this.#slots, [Q] = queries.shape;
    const searched = units ? Math.min(this.rows, units.length * this.#slots.unit) : this.rows;
    if (k > searched) throw new RangeError(`Expected at least ${k} rows to search, but found ${searched}`);
    if (Q <= QUERIES) return this.#look(gpu, queries, k, units);
    // A few queries at a time: what is found of each part is copied to its place.
    const distances = gpu.empty([Q, k], "distances"), slots = gpu.empty([Q, k], "nearest rows", "u32");
    for (let first = 0; first < Q; first += QUERIES) {
      const count = Math.min(QUERIES, Q - first);
      const part = queries.part(wide * first, [count, wide]);
      const found = this.#look(gpu, part, k, units);
      for (const [from, to] of [[found.distances, distances], [found.slots, slots]]) {
        gpu.stream.copy(from, to.part(k * first, [count, k]));
        gpu.release(from);
      }
    }
    return { distances, slots };
  }

  #look(gpu: Compute, queries: Tensor, k: number, units?: readonly number[]): Nearest {
    const { wide } = this.#slots, [Q] = queries.shape;
    const lists = candidates(gpu, Q, k + SPARE);
    let fresh = true;
    for (const { piece: { values, squares, first }, from, count } of this.#spans(Q, units)) {
      const scores = gpu.empty([Q, count], "scores of rows");
      const layoutB = { ld: wide, offset: (from - first) * wide };
      const product = { a: queries, b: values, c: scores, M: Q, N: count, K: wide, transB: true, layoutB };
      gemm(gpu, { ...product, alpha: -2, bias: squares, offBias: from - first, whole: true });
      choose(gpu, scores, lists, from, fresh);
      gpu.release(scores);
      fresh = false;
    }
    const list = merge(gpu, lists);
    squaredDistances(gpu, queries, this.#pieces, list);
    const { distances, rows: slots } = order(gpu, list, k);
    gpu.release(list.values);
    gpu.release(list.rows);
    return { distances, slots };
  }

  /** Slots that are looked through at once, from `from` on. */
  *#spans(
    Q: number,
    units?: readonly number[],
  ): Generator<{ piece: Piece & { squares: Tensor }; from: number; count: number }> {
    const { most, room } = this.#slots, gpu = this.#gpu;
    const bytes = Math.min(
      SCORES_BYTES[gpu.profile.kind],
      gpu.limits.maxStorageBufferBindingSize,
    );
    const columns = Math.max(4, Math.floor(bytes / (16 * Q)) * 4);
    const ranges = units
      ? units.map((unit) => ({
        piece: this.#pieces[Math.floor(unit * room / most)],
        from: unit * room,
        slots: room,
      }))
      : this.#pieces.map((piece) => ({ piece, from: piece.first, slots: piece.squares.size }));
    for (const { piece, from, slots } of ranges) {
      for (let at = 0; at < slots; at += columns) {
        yield { piece, from: from + at, count: Math.min(columns, slots - at) };
      }
    }
  }

  /** Squared distances of queries [Q, wide] to rows by their slots, [Q, k] → [Q, k]. */
  squaredDistances(gpu: Compute, queries: Tensor, slots: Tensor<"u32">): Tensor {
    const values = gpu.empty(slots.shape, "squared distances");
    squaredDistances(gpu, queries, this.#pieces, { values, rows: slots });
    return values;
  }

  /** Rows by their slots, [Q] → [Q, wide], as `nearest` takes queries. */
  gather(gpu: Compute, slots: Tensor<"u32">): Tensor {
    return gather(gpu, this.#pieces, slots);
  }

  /** The rows less their mean [rows, C], and the mean [C]. */
  async read(): Promise<HostBank> {
    const { C, wide, rows } = this.#slots, data = new Float32Array(rows * C);
    let row = 0;
    for (const { values, first } of this.#pieces) {
      const held = await this.#gpu.read(values);
      for (; row < rows && this.#slots.of(row) < first + values.shape[0]; row++) {
        const at = (this.#slots.of(row) - first) * wide;
        data.set(held.subarray(at, at + C), row * C);
      }
    }
    return { rows: { shape: [rows, C], data }, mean: { shape: [C], data: this.#hostMean } };
  }

  /** Gives the memory back; the bank can't be used any more. */
  [Symbol.dispose](): void {
    for (const tensor of [this.#mean, this.#ones]) this.#gpu.release(tensor);
    for (const { values, squares } of this.#pieces) {
      this.#gpu.release(values);
      this.#gpu.release(squares);
    }
  }
}
