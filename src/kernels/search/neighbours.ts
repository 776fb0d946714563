/**
 * Host side of neighbours.wgsl: the running list of each query's nearest rows, and the rows' distances from differences.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { AnyTensor, Tensor } from "../../gpu/tensor.ts";
import { kernelTable } from "../generate.ts";
import { spread } from "../grid.ts";
import { MOST_ITERATIONS } from "../iterations.ts";
import source from "./neighbours.wgsl" with { type: "text" };

// Threads that share a query's scores. A software adapter's few lanes have a query each.
const SEGMENTS = { software: 1, hardware: 64 };

/** Candidates of some queries: scores or squared distances and the rows they belong to, both [queries, K]. */
export interface Candidates {
  values: Tensor;
  rows: Tensor<"u32">;
}

/** A part of a bank that is bound at once: its rows from `first` on, [rows, wide], `wide` a multiple of 4. */
export interface Piece {
  values: Tensor;
  first: number;
}

/** Empty running lists of the K best, for {@linkcode choose}. */
export function candidates(gpu: Compute, queries: number, K: number): Candidates {
  const shape = [queries, segments(gpu), K];
  return { values: gpu.empty(shape, "nearest rows"), rows: gpu.empty(shape, "nearest rows", "u32") };
}

/**
 * Takes the best of some more rows into the running lists.
 *
 * @param scores [queries, columns], columns a multiple of 4, of the bank's rows from `first` on
 * @param fresh there is nothing in the lists yet
 */
export function choose(gpu: Compute, scores: Tensor, lists: Candidates, first: number, fresh: boolean): void {
  const [queries, columns] = scores.shape, [, , K] = lists.values.shape, threads = segments(gpu);
  const most = threads * Math.floor(MOST_ITERATIONS / (4 * K + 8)); // fours of columns that may all be inserted
  for (let begin = 0; begin < columns / 4; begin += most) {
    const params = { queries, columns, begin, end: Math.min(begin + most, columns / 4), first };
    const isFirst = fresh && begin === 0;
    launch(gpu, "choose", K, queries * threads, { scores, ...lists }, { ...params, fresh: isFirst ? 1 : 0 });
  }
}

/** One list a query, [queries, K]; releases the running ones, or returns them where they are it. */
export function merge(gpu: Compute, lists: Candidates): Candidates {
  const [queries, parts, K] = lists.values.shape, shape = [queries, K];
  if (parts === 1) return { values: lists.values.view(shape), rows: lists.rows.view(shape) };
  const merged = { values: gpu.empty(shape, "nearest rows"), rows: gpu.empty(shape, "nearest rows", "u32") };
  launch(gpu, "merge", K, queries, { ...lists, y: merged.values, found: merged.rows }, { queries });
  gpu.release(lists.values);
  gpu.release(lists.rows);
  return merged;
}

/** Sets the candidates' values to their squared distances from x [queries, wide], summed from differences. */
export function squaredDistances(gpu: Compute, x: Tensor, pieces: readonly Piece[], list: Candidates): void {
  const [queries, K] = list.values.shape, wide = x.shape[1] / 4;
  for (const { values: bank, first } of pieces) {
    const params = { queries, wide, first, count: bank.shape[0] };
    launch(gpu, "distances", K, queries * K, { ...list, x, bank }, params);
  }
}

/** The nearest `keep` of the candidates: distances (roots of their values) and rows, nearest first, [queries, keep]. */
export function order(
  gpu: Compute,
  list: Candidates,
  keep: number,
): { distances: Tensor; rows: Tensor<"u32"> } {
  const [queries, K] = list.values.shape;
  const distances = gpu.empty([queries, keep], "distances"),
    rows = gpu.empty([queries, keep], "nearest rows", "u32");
  launch(gpu, "order", K, queries, { ...list, y: distances, found: rows }, { queries, keep });
  return { distances, rows };
}

/** Rows of a bank by their numbers: rows [queries] → [queries, wide]. */
export function gather(gpu: Compute, pieces: readonly Piece[], rows: Tensor<"u32">): Tensor {
  const queries = rows.size, width = pieces[0].values.shape[1], wide = width / 4;
  const picked = gpu.empty([queries, width], "rows of a bank");
  for (const { values: bank, first } of pieces) {
    const params = { queries, wide, first, count: bank.shape[0] };
    launch(gpu, "gather", 1, queries * wide, { rows, bank, picked }, params);
  }
  return picked;
}

function segments(gpu: Compute): number {
  return SEGMENTS[gpu.profile.kind];
}

const kernel = kernelTable();

const NOTHING = { queries: 0, columns: 0, begin: 0, end: 0, first: 0, count: 0, wide: 0, fresh: 0, keep: 0 };

function launch(
  gpu: Compute,
  entry: string,
  K: number,
  threads: number,
  tensors: Record<string, AnyTensor>,
  params: Partial<typeof NOTHING>,
): void {
  const constants = { K, SEGMENTS: segments(gpu) };
  const found = kernel(
    `${entry} ${K} ${constants.SEGMENTS}`,
    () => ({ name: "neighbours", source, entry, constants }),
  );
  const { across, grid } = spread(threads);
  gpu.stream.dispatch(found, tensors, { ...NOTHING, ...params, across }, grid);
}
