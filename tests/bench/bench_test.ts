/**
 * The benchmark's rows: what is in them, and that they are held against ceilings that can be.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { bench } from "../../src/bench/bench.ts";
import { noiseOf } from "../../src/bench/case.ts";
import { efficientNetCases, efficientNetFlops } from "../../src/bench/convolutions.ts";
import { transformerCases } from "../../src/bench/kernels.ts";
import { mapCases } from "../../src/bench/maps.ts";
import { modelCases } from "../../src/bench/models.ts";
import { formatRows, rate, withFraction } from "../../src/bench/row.ts";
import { PAPER_ADTR } from "../../src/bench/sizes.ts";
import { trainedConvolutionCases } from "../../src/bench/trained_convolutions.ts";
import { median, Stopwatch } from "../../src/bench/timing.ts";
import { madeUpWeights } from "../../src/bench/weights.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { InputError } from "../../src/errors.ts";
import { madeUpWeights as reference } from "../reference/efficientnet_weights.ts";
import { gpu } from "../gpu.ts";

Deno.test("rows have times and speeds, and are those that were asked for", async () => {
  const told: string[] = [];
  const rows = await bench({
    only: /^(ceiling|dispatch|submit|read-back|gemm 4096x256x256$|layernorm)/,
    onProgress: (done, total, what) => told.push(`${done}/${total} ${what}`),
  });
  deepEqual(rows.map(({ name }) => name), [
    "ceiling",
    "ceiling",
    "dispatch",
    "submit",
    "read-back",
    "gemm",
    "layernorm",
    "layernorm",
    "layernorm",
  ]);
  deepEqual(told, [
    "0/6 ceilings",
    "1/6 gemm 4096x256x256",
    ...[2, 3, 4].map((i) => `${i}/6 layernorm 4096x256`),
    "5/6 ceilings again",
  ]);
  for (const { name, shape, ms, gflops, gbps, fraction } of rows) {
    ok(ms > 0, `${name} ${shape}`);
    if (["dispatch", "submit", "read-back"].includes(name)) continue;
    ok((gflops ?? gbps)! > 0 && (gflops === undefined) !== (gbps === undefined), `${name} ${shape}`);
    ok(fraction! > 0, `${name} ${shape}`);
  }
  const [fma, copy, , , , gemm, norm] = rows;
  equal(fma.fraction, 1);
  equal(copy.fraction, 1);
  equal(gemm.gflops, 2 * 4096 * 256 * 256 / gemm.ms / 1e6);
  equal(gemm.fraction, gemm.gflops! / fma.gflops!);
  ok(gemm.fraction! < 1);
  equal(norm.fraction, norm.gbps! / copy.gbps!);
});

Deno.test("nothing that matches is an error", async () => {
  await rejects(bench({ only: /nosuch/ }), InputError);
});

Deno.test("the shapes are ADTR's and EfficientNet-B4's", () => {
  const cases = [...transformerCases(gpu.info.software), ...efficientNetCases(1)];
  const names = cases.map(({ name, shape }) => `${name} ${shape}`);
  for (
    const name of [
      "gemm 4096x256x1024",
      "gemm 4096x720x256",
      "gemm 256x4096x1024",
      "gemm 256x1024x4096",
      "attention 16x64x256",
      "attention 16x256x256",
      "attention 4x1024x256",
      "layernorm 4096x256",
      "conv 1x1 16384x24x144",
      "conv 1x1 64x2688x448",
      "depthwise 3x3 1x128x128x144",
      "depthwise 5x5 1x8x8x1632",
    ]
  ) ok(names.includes(name), name);
  for (const { name, shape, work } of cases) {
    if (name !== "gemm" && name !== "conv 1x1") continue;
    const [M, K, N] = shape.split("x").map(Number);
    deepEqual(work, { flops: 2 * M * K * N }, shape);
  }
  equal(PAPER_ADTR.C, 720);
  deepEqual(modelCases(true).map(({ name }) => name), [
    ...Array(3).fill("efficientnet_b4"),
    ...Array(4).fill("efficientnet_lite0"),
    ...Array(3).fill("training step"),
    ...Array(3).fill("scoring"),
    "gemm",
    "knn",
  ]);
});

Deno.test("kernels of maps and convolutions that learn run, forward and backward", async () => {
  const made: Tensor[] = [], before = gpu.memory.stats().inUse;
  for (const { prepare } of [...mapCases(1), ...trainedConvolutionCases(1)]) {
    const run = prepare(gpu, (...shape) => {
      made.push(gpu.tensor(noiseOf(shape.reduce((a, b) => a * b)), shape));
      return made.at(-1)!;
    });
    run();
    for (const tensor of made.splice(0)) gpu.release(tensor);
  }
  await gpu.read(gpu.empty([1])); // errors of kernels are heard here
  equal(gpu.memory.stats().inUse, before + 256);
});

Deno.test("an image's operations are those of its convolutions", () => {
  const { stem, blocks } = reference("symmetric");
  let side = 128, flops = 2 * side ** 2 * stem.weight.length;
  for (const { expand, depthwise, project, stride } of blocks) {
    if (expand) flops += 2 * side ** 2 * expand.weight.length;
    side /= stride;
    flops += 2 * side ** 2 * (depthwise.weight.length + project.weight.length);
  }
  equal(efficientNetFlops(3), 3 * flops);
});

Deno.test("made-up weights have the network's shapes", () => {
  const shapes = (weights: ReturnType<typeof madeUpWeights>) =>
    JSON.stringify(weights, (_, value) => ArrayBuffer.isView(value) ? value.byteLength : value);
  equal(shapes(madeUpWeights()), shapes(reference("symmetric")));
});

Deno.test("work is done once for the first run, and longer work takes longer", async () => {
  const watch = await Stopwatch.start(gpu);
  ok(watch.readBack > 0);
  let times = 0;
  const ms = await watch.once(() =>
    new Promise<void>((done) => {
      times++;
      setTimeout(done, 30);
    }), 2);
  equal(times, 2);
  ok(ms > 20 && ms < 300, `${ms}`);
});

Deno.test("the median of an odd and of an even number of values", () => {
  equal(median([3, 1, 2]), 2);
  equal(median([4, 1, 2, 10]), 3);
});

Deno.test("a table has only the columns that are filled", () => {
  const ceilings = { gflops: 100, gbps: 10 };
  const row = { name: "gemm", shape: "1x2x3", note: "", ms: 2, ...rate({ flops: 1e8 }, 2) };
  const [header, , line] = formatRows([withFraction(row, ceilings)]).split("\n");
  deepEqual(header.split(/ {2,}/), ["name", "shape", "ms", "GFLOP/s", "of ceiling"]);
  deepEqual(line.split(/ {2,}/), ["gemm", "1x2x3", "2.00", "50.0", "50 %"]);
});
