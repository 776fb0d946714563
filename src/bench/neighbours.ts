/**
 * Scoring with a memory bank (docs/method.md §10, `knn`) beside the matrix product in it: both on one device, by turns, so
 * that whatever else the machine does meets both.
 *
 * @module
 */
import { Gpu } from "../gpu/gpu.ts";
import { gemm } from "../kernels/dense/gemm.ts";
import { knn } from "../methods/knn/method.ts";
import { type ModelCase, noiseOf } from "./case.ts";
import { rate, type Row } from "./row.ts";
import { median, Stopwatch } from "./timing.ts";

const PATCHES = 15_000, C = 297, WIDE = 300, H = 16, POSITIONS = H * H, S = 128;
const TURNS = 7;
const WORK = { flops: 2 * POSITIONS * WIDE * PATCHES };

type Measured = Omit<Row, "name" | "shape" | "note">;

/** An image's maps and score from 15 000 patches of `gabor2`'s features, and the product alone. */
export function neighbourCases(): ModelCase[] {
  let measured: Promise<{ scoring: Measured; product: Measured }> | undefined;
  const both = () => measured ??= measure();
  return [
    {
      name: "gemm",
      shape: `${POSITIONS}x${WIDE}x${PATCHES}`,
      note: "knn's product alone",
      measure: async () => (await both()).product,
    },
    {
      name: "knn",
      shape: `${POSITIONS}x${C}x${PATCHES}`,
      note: "an image's map and score",
      measure: async () => (await both()).scoring,
    },
  ];
}

async function measure(): Promise<{ scoring: Measured; product: Measured }> {
  const gpu = await Gpu.open();
  try {
    const tensors = new Map([
      ["bank", { shape: [PATCHES, C], data: noiseOf(PATCHES * C) }],
      ["bank_mean", { shape: [C], data: new Float32Array(C) }],
    ]);
    const fitted = await knn.open(gpu, { model: { C, H, W: H }, tensors });
    const x = gpu.tensor(noiseOf(POSITIONS * C + 1).subarray(1), [1, POSITIONS, C]);
    const a = gpu.tensor(noiseOf(POSITIONS * WIDE), [POSITIONS, WIDE]);
    const b = gpu.tensor(noiseOf(PATCHES * WIDE), [PATCHES, WIDE]), c = gpu.empty([POSITIONS, PATCHES]);
    const watch = await Stopwatch.start(gpu);
    const scoring = async () => {
      const began = performance.now();
      await fitted.score(x, [], { image_size: S, image_score: "max", sigma: 0 });
      return performance.now() - began - watch.readBack;
    };
    const product = () =>
      watch.once(
        () => gemm(gpu, { a, b, c, M: POSITIONS, N: PATCHES, K: WIDE, transB: true, whole: true }),
        1,
      );
    const cold = { scoring: await scoring(), product: await product() };
    const turns: { scoring: number; product: number }[] = [];
    for (let i = 0; i < TURNS; i++) turns.push({ scoring: await scoring(), product: await product() });
    const row = (what: "scoring" | "product"): Measured => {
      const ms = median(turns.map((turn) => turn[what]));
      return { ms, cold_ms: cold[what], ...rate(WORK, ms) };
    };
    const peak_mib = gpu.memory.stats().peak / 2 ** 20, knnRow = row("scoring");
    return { scoring: { ...knnRow, images_per_s: 1000 / knnRow.ms, peak_mib }, product: row("product") };
  } finally {
    gpu.close();
  }
}
