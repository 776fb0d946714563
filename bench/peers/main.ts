/**
 * The same work in several engines, in one run on one adapter: results are compared first, then all take turns.
 *
 * Usage: deno run -A main.ts [PATTERN]. A regular expression picks tasks by their names.
 *
 * @module
 */
import { noiseOf } from "../../src/bench/case.ts";
import { DEMO_ADTR, PAPER_ADTR } from "../../src/bench/sizes.ts";
import { madeUpWeights } from "../../src/bench/weights.ts";
import { median } from "../../src/bench/timing.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { type Cell, table } from "../../src/report/table.ts";
import { adtrEngine } from "./adtr.ts";
import { AUTOENCODER, type Engine, type GemmTask, type Job } from "./engine.ts";
import { jaxEngine } from "./jax.ts";
import { onnxruntimeEngine } from "./onnxruntime.ts";
import { tfjsEngine } from "./tfjs.ts";
import { torchEngine } from "./torch.ts";

/** Something that every engine is asked to do. */
interface Task {
  name: string;
  start(engine: Engine): Promise<Job> | string;
}

/** How an engine did. */
interface Outcome {
  engine: string;
  job: Job | null;
  /** Why there is no time. */
  reason: string;
  cold: number;
  /** Milliseconds of each turn. */
  turns: number[];
  repeats: number;
}

const TURNS = 5;
// A turn repeats short work: waiting for a GPU takes some 11 ms, and the first time after the others is slower.
const LEAST_MS = 1000;
const ENOUGH_MS = 60_000; // after which an engine has no more turns, if it had one
const TOLERANCE = 1e-3; // relative L2 distance of any part of the results

function gemmTask(what: string, M: number, K: number, N: number, how: Partial<GemmTask> = {}): Task {
  const task = { batch: 1, M, K, N, transA: false, transB: false, ...how };
  const shape = `${task.batch > 1 ? `${task.batch}x` : ""}${M}x${K}x${N}`;
  return { name: `gemm ${shape} (${what})`, start: (engine) => engine.gemm(task) };
}

const weights = madeUpWeights();
function efficientNetTask(B: number, S: number): Task {
  const images = noiseOf(B * S * S * 3);
  return {
    name: `efficientnet_b4 ${B}x${S}x${S}x3`,
    start: (engine) => engine.efficientNet({ B, S, weights, images }),
  };
}

function trainingTask(what: string, sizes: typeof PAPER_ADTR, B: number): Task {
  const config = { ...sizes, dropout: 0 }, features = noiseOf(B * config.H * config.W * config.C);
  return { name: `training step, ${what}`, start: (engine) => engine.training({ config, B, features }) };
}

function autoencoderTask(what: string, loss: "squares" | "ssim"): Task {
  const B = 16, images = noiseOf(B * AUTOENCODER.S ** 2 * 3).map((v) => (v + 1) / 2);
  return { name: `${what} step, batch ${B}`, start: (engine) => engine.autoencoder({ loss, B, images }) };
}

const TASKS: Task[] = [
  gemmTask("x·Wᵀ", 4096, 256, 1024, { transB: true }),
  gemmTask("x·Wᵀ", 4096, 720, 256, { transB: true }),
  gemmTask("dy·W", 4096, 1024, 256),
  gemmTask("dyᵀ·x", 256, 4096, 1024, { transA: true }),
  gemmTask("q·kᵀ", 256, 32, 256, { batch: 128, transB: true }),
  gemmTask("p·v", 256, 256, 32, { batch: 128 }),
  efficientNetTask(1, 256),
  efficientNetTask(4, 128),
  trainingTask("demo's sizes", DEMO_ADTR, 8),
  trainingTask("paper's sizes but batch 4", PAPER_ADTR, 4),
  trainingTask("paper's sizes", PAPER_ADTR, 16),
  autoencoderTask("ae", "squares"),
  autoencoderTask("ssim-ae", "ssim"),
];

const say = (text: string) => console.error(text);

/** Sets an engine up for a task and runs it once. */
async function begin(
  engine: Engine,
  task: Task,
  expected: Float32Array[] | null,
): Promise<Outcome & { result?: Float32Array[] }> {
  const outcome = { engine: engine.name, job: null, cold: 0, turns: [], repeats: 1 };
  try {
    const job = await task.start(engine);
    if (typeof job === "string") return { ...outcome, reason: job };
    const began = performance.now();
    await job.run(1);
    const cold = performance.now() - began, result = await job.result();
    const off = expected ? Math.max(...result.map((part, i) => distance(part, expected[i]))) : 0;
    say(`  ${engine.name}: first run ${(cold / 1000).toFixed(2)} s, off by ${off.toExponential(1)}`);
    if (!(off <= TOLERANCE)) {
      job.close();
      return { ...outcome, reason: `other results: relative L2 distance ${off.toExponential(1)}` };
    }
    return { ...outcome, job, cold, result, reason: "" };
  } catch (error) {
    say(`  ${engine.name}: ${(error as Error).stack}`);
    return { ...outcome, reason: `fails: ${(error as Error).message.split("\n")[0].slice(0, 100)}` };
  }
}

function distance(x: Float32Array, wanted: Float32Array): number {
  if (x.length !== wanted.length) return Infinity;
  let difference = 0, norm = 0;
  for (let i = 0; i < x.length; i++) {
    difference += (x[i] - wanted[i]) ** 2;
    norm += wanted[i] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

/** All engines in turn, over and over. */
async function takeTurns(outcomes: Outcome[]): Promise<void> {
  for (let turn = 0; turn <= TURNS; turn++) {
    for (const outcome of outcomes) {
      const { job, turns, repeats } = outcome;
      const spent = turns.reduce((sum, ms) => sum + ms * repeats, 0);
      if (!job || spent > ENOUGH_MS) continue;
      const began = performance.now();
      await job.run(repeats);
      const ms = (performance.now() - began) / repeats;
      // The first turn says how often the work fits into one, and counts only where that is once.
      if (turn === 0 && ms < LEAST_MS) outcome.repeats = Math.ceil(LEAST_MS / ms);
      else turns.push(ms);
    }
  }
}

/** The results of a task as Markdown. */
function report(task: Task, outcomes: Outcome[]): string {
  const own = median(outcomes[0].turns);
  const digits = (ms: number) => ms >= 1000 ? ms.toFixed(0) : ms.toPrecision(3);
  const compared = outcomes.filter(({ turns, reason }) => turns.length > 0 || reason !== "");
  const rows = compared.map(({ engine, turns, reason, cold }): Cell[] => {
    if (turns.length === 0) return [engine, reason, "", "", "", ""];
    const ms = median(turns), spread = (Math.max(...turns) - Math.min(...turns)) / ms;
    return [
      engine,
      digits(ms),
      `${(ms / own).toFixed(2)}×`,
      `${turns.length}`,
      `${(100 * spread).toFixed(0)} %`,
      digits(cold),
    ];
  });
  const header = ["engine", "ms", "of adtr's time", "turns", "spread", "cold ms"];
  return `### ${task.name}\n\n${table(rows, header, { markdown: true })}`;
}

const only = new RegExp(Deno.args[0] ?? "", "i");
const gpu = await Gpu.open();
const engines = [
  adtrEngine(gpu),
  await tfjsEngine(),
  await jaxEngine("webgpu"),
  await jaxEngine("wasm"),
  onnxruntimeEngine("webgpu"),
  onnxruntimeEngine("wasm"),
  torchEngine(1),
  torchEngine(2),
];
say(`${gpu.info.description}; ${navigator.hardwareConcurrency} cores; Deno ${Deno.version.deno}`);
for (const task of TASKS.filter(({ name }) => only.test(name))) {
  say(task.name);
  const outcomes: Outcome[] = [];
  let expected: Float32Array[] | null = null;
  for (const engine of engines) {
    const { result, ...outcome } = await begin(engine, task, expected);
    expected ??= result!;
    outcomes.push(outcome);
  }
  await takeTurns(outcomes);
  console.log(report(task, outcomes));
  for (const { job } of outcomes) job?.close();
}
Deno.exit(0); // engines keep devices and workers open
