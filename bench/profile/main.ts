/**
 * Where a training step's time goes, kernel by kernel, by the device's own clock: `NODEVICE_SELECT=1 deno run -A
 * bench/profile/main.ts [paper|demo] [STEPS]`, by default ten steps of the paper's sizes. A pass a dispatch costs little on a
 * software adapter; what is no kernel's is the last row.
 *
 * @module
 */
import { trainingStep } from "../../src/bench/models.ts";
import { DEMO_ADTR, PAPER_ADTR } from "../../src/bench/sizes.ts";
import { Stopwatch } from "../../src/bench/timing.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { type Cell, table } from "../../src/report/table.ts";

const [size = "paper", count = "10"] = Deno.args, steps = Number(count);
if (!["paper", "demo"].includes(size) || !(steps >= 1)) {
  throw new Error("Expected paper or demo, and steps from 1 on");
}
const gpu = await Gpu.open({ timestamps: true });
const step = size === "demo" ? trainingStep(gpu, DEMO_ADTR, 8) : trainingStep(gpu, PAPER_ADTR, 16);
const watch = await Stopwatch.start(gpu);
await watch.once(step, 1); // compiles
await gpu.stream.times();
const ms = await watch.once(step, steps), kernels = await gpu.stream.times();
const busy = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / steps;
const row = (name: string, calls: number | null, ms: number, whole: number): Cell[] => [
  name,
  calls,
  ms.toFixed(1),
  `${(100 * ms / whole).toFixed(1)} %`,
];
const rows = kernels.map(({ name, calls, milliseconds }) =>
  row(name, calls / steps, milliseconds / steps, ms)
);
rows.push(row("what is no kernel's", null, ms - busy, ms));
console.log(`${gpu.info.description}, ${size}: ${ms.toFixed(0)} ms a step\n`);
console.log(table(rows, ["kernel", "calls", "ms", "of a step"], { markdown: true }));
Deno.exit(0); // the device stays open
