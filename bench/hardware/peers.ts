/**
 * The part `peers`: the same work here and in PyTorch's eager float32, TF32 off and on, by turns: here, off, on, three times
 * over; medians count. Nothing is compared but time: that results are right is what tests and bench/peers are for.
 *
 * @module
 */
import type { Case, Peer } from "../../src/bench/case.ts";
import { noiseOf } from "../../src/bench/case.ts";
import { transformerCases } from "../../src/bench/kernels.ts";
import { trainingStep } from "../../src/bench/models.ts";
import { DEMO_ADTR, LARGE_ADTR, PAPER_ADTR, PAPER_SIDE } from "../../src/bench/sizes.ts";
import { median, Stopwatch } from "../../src/bench/timing.ts";
import { trainedConvolutionCases } from "../../src/bench/trained_convolutions.ts";
import { madeUpWeights } from "../../src/bench/weights.ts";
import type { Compute } from "../../src/gpu/compute.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { DEMO, PAPER } from "../../src/methods/adtr/settings.ts";
import type { AdtrConfig } from "../../src/model/adtr.ts";
import { B4, IMAGENET } from "../../src/model/backbones.ts";
import { efficientNetBackbone } from "../../src/model/open_backbone.ts";
import { left, tell, told } from "./part.ts";
import { Torch } from "./torch.ts";

/** Work that both do. */
interface Item {
  name: string;
  shape: string;
  note: string;
  peer: Peer;
  /** Makes ready. @returns what records the work once, and what frees what was made */
  prepare(gpu: Gpu): Promise<{ run: (on: Compute) => void; free: () => void }>;
}

const ROUNDS = 3;
const MS = 60; // of one engine's turn

const options = told();

/** A kernel of `adtr bench` that says what the same is elsewhere. */
function kernel({ name, shape, note, peer, prepare }: Case): Item[] {
  if (!peer) return [];
  return [{
    ...{ name, shape, note, peer },
    prepare(gpu) {
      const made: Tensor[] = [];
      const run = prepare(gpu, (...shape) => {
        made.push(gpu.tensor(noiseOf(shape.reduce((a, b) => a * b)), shape));
        return made.at(-1)!;
      });
      return Promise.resolve({ run: () => run(), free: () => made.forEach((tensor) => gpu.release(tensor)) });
    },
  }];
}

/** A model. */
function model(item: Omit<Item, "prepare">, make: (gpu: Gpu) => Promise<(on: Compute) => void>): Item {
  return {
    ...item,
    async prepare(gpu) {
      return { run: await make(gpu), free: () => {} };
    },
  };
}

function step(note: string, config: AdtrConfig, B: number): Item {
  const { lr, weight_decay, clip } = PAPER, N = config.H * config.W;
  return model(
    {
      name: "training step",
      shape: `B=${B} N=${N}`,
      note,
      peer: { op: "step", B, lr, weight_decay, clip, ...config },
    },
    (gpu) => Promise.resolve(trainingStep(gpu, config, B)),
  );
}

function efficientNet(B: number): Item {
  const S = PAPER_SIDE, { H, W } = PAPER_ADTR, { stem, stages, taps } = B4;
  return model(
    {
      ...{ name: "efficientnet_b4", shape: `${B}x${S}x${S}x3`, note: "features" },
      peer: { op: "efficientnet", B, S, H, stem, stages, taps },
    },
    async (gpu) => {
      const backbone = await efficientNetBackbone(gpu, "efficientnet_b4", madeUpWeights(), IMAGENET);
      const images = Uint8Array.from({ length: B * S * S * 3 }, (_, i) => i * 7919 % 256);
      return (on) => void backbone.features(on, images, B, S, H, W);
    },
  );
}

function items(isSoftware: boolean): Item[] {
  const kernels = [...transformerCases(isSoftware), ...trainedConvolutionCases()].flatMap(kernel);
  if (options.quick) {
    const few = /^(gemm 4096x256x256|attention 16x64x256|conv 4x4 16x16x16x64)/;
    return [
      ...kernels.filter(({ name, shape }) => few.test(`${name} ${shape}`)),
      step("demo", DEMO_ADTR, DEMO.batch_size),
      efficientNet(1),
    ];
  }
  const large = kernels.filter(({ shape }) => shape === "4096x4096x4096");
  return [
    ...large,
    step("paper", PAPER_ADTR, PAPER.batch_size),
    step("paper, N = 1024", LARGE_ADTR, PAPER.batch_size),
    ...[1, 16].map(efficientNet),
    ...kernels.filter((item) => !large.includes(item)),
    step("demo", DEMO_ADTR, DEMO.batch_size),
  ];
}

async function compare(gpu: Gpu, watch: Stopwatch, torch: Torch, item: Item): Promise<void> {
  const { name, shape, note, peer } = item, row = { name, shape, note };
  const { run, free } = await item.prepare(gpu);
  const cold_ms = await watch.once(run, 1), warm = await watch.once(run, 1);
  const repeats = Math.min(2000, Math.max(1, Math.ceil(MS / warm)));
  const adtr: number[] = [], off: number[] = [], on: number[] = [];
  let error: string | undefined;
  for (let round = 0; round < ROUNDS && (round === 0 || left(options) > 4 * repeats * warm / 1000); round++) {
    adtr.push(await watch.once(run, repeats));
    for (const [times, tf32] of [[off, false], [on, true]] as const) {
      const answer = await torch.ask({ ...peer, tf32, ms: MS });
      if (answer.ms === undefined) error = answer.error ?? "PyTorch's process ended";
      else times.push(answer.ms);
    }
  }
  free();
  const middle = (times: number[]) => times.length > 0 ? median(times) : null;
  tell({
    row: { ...row, adtr_ms: middle(adtr), torch_ms: middle(off), torch_tf32_ms: middle(on), cold_ms },
    all: { adtr, off, on },
    ...error ? { error } : {},
  });
}

const torch = await Torch.start(options.python);
tell({ torch: torch.about });
try {
  let gpu = await Gpu.open(), watch = await Stopwatch.start(gpu);
  const wanted = items(gpu.info.software);
  for (const [i, item] of wanted.entries()) {
    if (left(options) < 3) {
      console.log(
        `peers: no time left for ${wanted.slice(i).map(({ name, shape }) => `${name} ${shape}`).join(", ")}`,
      );
      break;
    }
    let isDone = ["step", "efficientnet"].includes(item.peer.op); // a model's memory is freed with its device
    try {
      await compare(gpu, watch, torch, item);
    } catch (error) {
      isDone = true; // errors of a device stay with it
      tell({ row: { name: item.name, shape: item.shape, note: item.note }, error: (error as Error).message });
    }
    if (isDone) {
      gpu.close();
      gpu = await Gpu.open();
      watch = await Stopwatch.start(gpu);
    }
  }
  await gpu.idle().catch(() => {});
  gpu.close();
} finally {
  await torch.close();
}
