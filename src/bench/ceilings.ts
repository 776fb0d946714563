/**
 * Host side of ceilings.wgsl: the adapter's own limits, against which everything else is held. A rate is that of the
 * best run of the best variant, since nothing but noise makes it worse.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { rate, type Row } from "./row.ts";
import type { Stopwatch } from "./timing.ts";
import { each } from "../kernels/each.ts";
import source from "./ceilings.wgsl" with { type: "text" };

/** Chains a thread and links of each in a loop's body; which is best depends on registers and latencies. */
const VARIANTS = [[2, 8], [3, 8], [4, 4], [8, 4], [16, 2]] as const;
const TEXT = each(source, { chain: 1, link: 1 });
const COPY: Kernel = { name: "copy", source: TEXT, entry: "copy" };
const NOTHING: Kernel = { name: "nothing", source: TEXT, entry: "nothing" };
const LOOPS = 1000;
const GROUPS = { software: 64, hardware: 8192 };
const COPY_BYTES = { software: 32 << 20, hardware: 128 << 20 }; // more than caches hold
const DISPATCHES = 1000;
const SUBMITS = 100;
const UNUSED = { n: 0, across: 0, loops: 0, factor: 0, shift: 0 };

/** The rates: a row for arithmetic and one for memory traffic. */
export async function measureRates(gpu: Gpu, watch: Stopwatch): Promise<[fma: Row, copy: Row]> {
  return [await fmaRate(gpu, watch), await copyRate(gpu, watch)];
}

/** What it costs to ask for work and for results, whatever the work. */
export async function measureCosts(gpu: Gpu, watch: Stopwatch): Promise<Row[]> {
  const wait = { name: "read-back", shape: "1", note: "waits for an idle GPU", ms: watch.readBack };
  return [await dispatchCost(gpu, watch), await submitCost(gpu, watch), wait];
}

async function fmaRate(gpu: Gpu, watch: Stopwatch): Promise<Row> {
  const groups = GROUPS[gpu.profile.kind];
  const y = gpu.empty([groups * 64 * 4]);
  const params = { ...UNUSED, loops: LOOPS, factor: 0.999, shift: 0.001 }; // stays about 1
  const rows: Row[] = [];
  for (const [chains, links] of VARIANTS) {
    const kernel = fmaKernel(chains, links);
    const { best } = await watch.time(() => gpu.stream.dispatch(kernel, { y }, params, [groups]));
    const flops = groups * 64 * LOOPS * chains * links * 8;
    const note = `FMA: ${chains} chains of vec4 in registers`;
    rows.push({ name: "ceiling", shape: `${groups * 64}`, note, ms: best, ...rate({ flops }, best) });
  }
  gpu.release(y);
  return rows.reduce((a, b) => a.gflops! > b.gflops! ? a : b);
}

function fmaKernel(chain: number, link: number): Kernel {
  const name = `fma ${chain}x${link}`;
  return { name, source: each(source, { chain, link }, name), entry: "fma_rate" };
}

async function copyRate(gpu: Gpu, watch: Stopwatch): Promise<Row> {
  const bytes = Math.min(
    COPY_BYTES[gpu.profile.kind],
    gpu.limits.maxStorageBufferBindingSize,
  );
  const x = gpu.empty([bytes / 4]), y = gpu.empty([bytes / 4]), n = bytes / 16, across = 4096;
  const params = { ...UNUSED, n, across: across * 64 };
  const grid = [across, Math.ceil(n / 64 / across)] as const;
  const { best } = await watch.time(() => gpu.stream.dispatch(COPY, { x, y }, params, grid));
  gpu.release(x);
  gpu.release(y);
  const note = "copy: a vec4 a thread";
  return { name: "ceiling", shape: `${bytes / 4}`, note, ms: best, ...rate({ bytes: 2 * bytes }, best) };
}

async function dispatchCost(gpu: Gpu, watch: Stopwatch): Promise<Row> {
  const y = gpu.empty([4]);
  const { ms } = await watch.time(() => {
    for (let i = 0; i < DISPATCHES; i++) nothing(gpu, y);
  });
  gpu.release(y);
  return { name: "dispatch", shape: "64", note: `one of ${DISPATCHES} in a submit`, ms: ms / DISPATCHES };
}

async function submitCost(gpu: Gpu, watch: Stopwatch): Promise<Row> {
  const y = gpu.empty([4]);
  const { ms } = await watch.time(() => {
    for (let i = 0; i < SUBMITS; i++) {
      nothing(gpu, y);
      gpu.stream.submit();
    }
  });
  gpu.release(y);
  return { name: "submit", shape: "64", note: "one dispatch each", ms: ms / SUBMITS };
}

function nothing(gpu: Gpu, y: Tensor): void {
  gpu.stream.dispatch(NOTHING, { y }, UNUSED, [1]);
}
