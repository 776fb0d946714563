/**
 * The benchmark: ceilings, then every kernel, then whole models.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { Gpu } from "../gpu/gpu.ts";
import { type Case, type ModelCase, timeCase } from "./case.ts";
import { measureCosts, measureRates } from "./ceilings.ts";
import { efficientNetCases } from "./convolutions.ts";
import { transformerCases } from "./kernels.ts";
import { mapCases } from "./maps.ts";
import { modelCases } from "./models.ts";
import { type Row, withFraction } from "./row.ts";
import { Stopwatch } from "./timing.ts";
import { trainedConvolutionCases } from "./trained_convolutions.ts";

/** Images that go through the kernels of the backbone at once. */
const BATCH = { software: 1, hardware: 16 };
/** Names of the rows that ceilings give. */
const CEILINGS = ["ceiling", "dispatch", "submit", "read-back"];

/** What to measure. */
export interface BenchOptions {
  /** Rows whose name and shape, as in `gemm 4096x256x1024`, it matches; all by default. */
  only?: RegExp;
  /** Told each row as it comes, without its share of a ceiling. */
  onRow?: (row: Row) => void;
  /** Told what is measured next. */
  onProgress?: (done: number, total: number, what: string) => void;
}

/**
 * Measures. The ceilings are measured whether their rows are wanted or not, first and last: something else may be at
 * work on the machine for a while.
 *
 * @returns the rows that are wanted
 * @throws {InputError} where none is
 */
export async function bench({ only = /()/, onRow, onProgress }: BenchOptions = {}): Promise<Row[]> {
  const wanted = ({ name, shape }: Pick<Row, "name" | "shape">): boolean => only.test(`${name} ${shape}`);
  const gpu = await Gpu.open();
  try {
    const batch = BATCH[gpu.profile.kind], isSoftware = gpu.profile.kind === "software";
    const transformers = transformerCases(isSoftware);
    const cases = [...transformers, ...mapCases(), ...trainedConvolutionCases(), ...efficientNetCases(batch)]
      .filter(wanted);
    const models = modelCases(isSoftware).filter(wanted);
    if (cases.length + models.length === 0 && !CEILINGS.some((name) => only.test(name))) {
      throw new InputError(`Expected rows that match ${only.source}, but found none`);
    }
    return await measure(gpu, wanted, cases, models, { onRow, onProgress });
  } finally {
    gpu.close();
  }
}

async function measure(
  gpu: Gpu,
  wanted: (row: Row) => boolean,
  cases: readonly Case[],
  models: readonly ModelCase[],
  { onRow = () => {}, onProgress = () => {} }: BenchOptions,
): Promise<Row[]> {
  let done = 0;
  const next = (what: string) => onProgress(done++, 2 + cases.length + models.length, what);
  next("ceilings");
  const watch = await Stopwatch.start(gpu);
  const [fma, copy] = await measureRates(gpu, watch), rows = await measureCosts(gpu, watch);
  [fma, copy, ...rows].filter(wanted).forEach(onRow);
  const add = (row: Row) => {
    rows.push(row);
    onRow(row);
  };
  for (const c of cases) {
    next(`${c.name} ${c.shape}`);
    add(await timeCase(gpu, watch, c));
  }
  for (const { name, shape, note, measure } of models) {
    next(`${name} ${shape}`);
    add({ name, shape, note, ...await measure() });
  }
  next("ceilings again");
  const [fmaAgain, copyAgain] = await measureRates(gpu, watch);
  const best = [
    fma.gflops! > fmaAgain.gflops! ? fma : fmaAgain,
    copy.gbps! > copyAgain.gbps! ? copy : copyAgain,
  ];
  const ceilings = { gflops: best[0].gflops!, gbps: best[1].gbps! };
  return [...best, ...rows].filter(wanted).map((row) => withFraction(row, ceilings));
}
