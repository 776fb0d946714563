/**
 * A line of the benchmark's result: what was measured, how long it took, and how near that comes to what the adapter
 * can do at all.
 *
 * @module
 */
import { type Cell, table } from "../report/table.ts";

/** One measurement. Only what applies is there. */
export interface Row {
  /** The kernel or model. */
  name: string;
  /** Of a matrix product MxKxN: [M, K] times [K, N]; else dimensions as the kernel has them. */
  shape: string;
  /** What it is for, or how it differs from its neighbours. */
  note: string;
  /** Median of the warm runs, milliseconds. */
  ms: number;
  /** 10⁹ floating-point operations a second, a multiplication and an addition being two. */
  gflops?: number;
  /** 10⁹ bytes a second, those read and those written together. */
  gbps?: number;
  /** Of the measured ceiling: of the FMA rate for gflops, of the copy rate for gbps. */
  fraction?: number;
  /** The first run on a fresh device, milliseconds: compiles kernels. */
  cold_ms?: number;
  images_per_s?: number;
  /** Most GPU memory in use, MiB. */
  peak_mib?: number;
  /** Time in which the host prepares one training step, milliseconds. */
  host_ms?: number;
  /** Share of a step in which the GPU does nothing for it: 1 − its kernels' own time over the step's. */
  host_fraction?: number;
}

/** What is asked of the hardware: arithmetic or memory traffic. */
export type Work = { flops: number } | { bytes: number };

/** The best that the adapter does, in the units of {@linkcode Row}. */
export interface Ceilings {
  gflops: number;
  gbps: number;
}

/** The speed at which work was done. */
export function rate(work: Work, ms: number): Pick<Row, "gflops" | "gbps"> {
  return "flops" in work ? { gflops: work.flops / ms / 1e6 } : { gbps: work.bytes / ms / 1e6 };
}

/** The row with its share of the ceiling, where it has a speed. */
export function withFraction(row: Row, ceilings: Ceilings): Row {
  const { gflops, gbps } = row;
  if (gflops !== undefined) return { ...row, fraction: gflops / ceilings.gflops };
  if (gbps !== undefined) return { ...row, fraction: gbps / ceilings.gbps };
  return row;
}

/** The rows as a table. */
export function formatRows(
  rows: readonly Row[],
  options: { color?: boolean } = {},
): string {
  const precise = (value: number | undefined): string =>
    value === undefined
      ? ""
      : value >= 100
      ? value.toFixed(0)
      : value >= 0.01
      ? value.toPrecision(3)
      : value.toExponential(1);
  const percent = (value: number | undefined): string =>
    value === undefined ? "" : `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
  const columns: [string, (row: Row) => Cell][] = [
    ["name", (row) => row.name],
    ["shape", (row) => row.shape],
    ["what", (row) => row.note],
    ["ms", (row) => precise(row.ms)],
    ["GFLOP/s", (row) => precise(row.gflops)],
    ["GB/s", (row) => precise(row.gbps)],
    ["of ceiling", (row) => percent(row.fraction)],
    ["images/s", (row) => precise(row.images_per_s)],
    ["cold ms", (row) => precise(row.cold_ms)],
    ["peak MiB", (row) => precise(row.peak_mib)],
    ["host ms", (row) => precise(row.host_ms)],
    ["idle GPU", (row) => percent(row.host_fraction)],
  ];
  const used = columns.filter(([, cell]) => rows.some((row) => cell(row) !== ""));
  return table(rows.map((row) => used.map(([, cell]) => cell(row))), used.map(([name]) => name), options);
}
