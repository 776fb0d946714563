/**
 * The optimizer's loop: steps, what they log, when they are looked at and when a checkpoint is written.
 *
 * @module
 */
import { join } from "node:path";
import type { Optimizer } from "../optim/optimizer.ts";
import { imageLoss, pixelLoss } from "../autograd/losses.ts";
import { meanSquaredError } from "../autograd/ops.ts";
import { Tape } from "../autograd/tape.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { Random } from "../hash.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import type { AdtrConfig } from "../model/adtr.ts";
import type { Detector } from "../methods/adtr/detector.ts";
import { upload } from "../model/batches.ts";
import { CHECKPOINT, type Identity, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { appendLog, beginLog, LOG, type LogEntry } from "../host/log.ts";
import type { Settings } from "./settings.ts";
import type { TrainOptions } from "./train_options.ts";
import type { Sample, TrainingSet } from "./training_set.ts";

const LOOK_SECONDS = 0.4; // between read-backs, each of which costs some 10 ms
const MOST_STEPS = 64; // between read-backs

/**
 * Makes the optimizer steps that are left.
 *
 * @returns whether all are done; false if it was stopped before
 * @throws {InputError} where the checkpoint is another training's or has done more, a file can't be written, or loss or
 *   gradient is no number any more
 */
export async function optimize(
  options: TrainOptions,
  set: TrainingSet,
  detector: Detector,
  optimizer: Optimizer,
  identity: Identity,
): Promise<boolean> {
  const { source: { gpu }, category, settings, out, signal, onProgress = () => {} } = options;
  const { checkpointSeconds = 30 } = options;
  const perEpoch = Math.ceil(set.size / settings.batch_size), total = perEpoch * settings.epochs;
  const checkpoint = join(out, CHECKPOINT), log = join(out, LOG);
  if (options.resume) await readCheckpoint(checkpoint, detector.adtr, optimizer, identity, ["epochs"]);
  if (optimizer.steps > total) {
    throw new InputError(
      `Expected --epochs to be at least ${
        Math.ceil(optimizer.steps / perEpoch)
      }, as many as ${checkpoint} has done, ` +
        `but found ${settings.epochs}`,
    );
  }
  await options.onStart?.();
  await beginLog(log, optimizer.steps);

  const look = gpu.empty([2, MOST_STEPS], "losses and gradient norms"); // of the steps since the last read-back
  try {
    let saved = performance.now(), pace = 1, images = 0;
    let epochLoss = { sum: 0, steps: 0 };
    while (optimizer.steps < total && !signal?.aborted) {
      const first = optimizer.steps, epoch = Math.floor(first / perEpoch) + 1;
      const count = Math.min(pace, MOST_STEPS, epoch * perEpoch - first);
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        const batch = await set.batch(optimizer.steps);
        images += batch.length;
        await step(gpu, detector, optimizer, batch, settings, perEpoch, look, i);
      }
      const values = await gpu.read(look);
      pace = Math.max(1, Math.round(count * LOOK_SECONDS * 1000 / (performance.now() - began)));

      const entries = Array.from({ length: count }, (_, i): LogEntry => ({
        step: first + i + 1,
        epoch,
        loss: values[i],
        lr: learningRate(settings, epoch),
        grad_norm: Math.sqrt(values[MOST_STEPS + i]),
      }));
      const lost = entries.find(({ loss, grad_norm }) => !Number.isFinite(loss + grad_norm));
      if (lost) throw diverged(category.name, `at step ${lost.step}`);
      await appendLog(log, entries);
      for (const { loss } of entries) epochLoss = { sum: epochLoss.sum + loss, steps: epochLoss.steps + 1 };
      const ended = optimizer.steps % perEpoch === 0;
      onProgress({
        phase: "training",
        category: category.name,
        done: optimizer.steps,
        total,
        unit: "steps",
        images,
        epoch: ended ? epoch : epoch - 1,
        epochs: settings.epochs,
        loss: epochLoss.sum / epochLoss.steps,
      });
      if (ended) epochLoss = { sum: 0, steps: 0 };
      // Signals and timers get their turn.
      await new Promise((resolve) => setTimeout(resolve));
      const over = optimizer.steps === total || signal?.aborted;
      if (over || performance.now() - saved > checkpointSeconds * 1000) {
        await writeCheckpoint(checkpoint, detector.adtr, optimizer, identity);
        saved = performance.now();
      }
    }
  } finally {
    gpu.release(look);
  }
  return optimizer.steps === total;
}

/** The error for a loss or gradient that is no number any more. */
export function diverged(category: string, when: string): InputError {
  return new InputError(
    `Expected a finite loss and gradient of ${category}, but found them beyond float32 ${when}.\n` +
      "Lower --lr, or set --clip.",
  );
}

/** Records one optimizer step; its loss goes to look[0, at], the square of its gradient norm to look[1, at]. */
async function step(
  gpu: Gpu,
  detector: Detector,
  optimizer: Optimizer,
  batch: readonly Sample[],
  settings: Settings,
  perEpoch: number,
  look: Tensor,
  at: number,
): Promise<void> {
  const { weight_decay, clip, seed } = settings;
  const epoch = Math.floor(optimizer.steps / perEpoch) + 1;
  await gpu.step((gpu) => {
    const x = detector.prepare(gpu, upload(gpu, batch.map(({ features }) => features), detector.adtr.config));
    const tape = new Tape(gpu, { seed: new Random(seed, `dropout ${optimizer.steps}`).bits() });
    const reconstruction = detector.adtr.forward(tape, x);
    const loss = lossOf(tape, reconstruction, x, batch, settings, detector.adtr.config);
    tape.backward(loss);
    const squares = optimizer.step(tape, { lr: learningRate(settings, epoch), weight_decay, clip });
    sumColumns(gpu, loss, look, { rows: 1, columns: 1, offset: at });
    sumColumns(gpu, squares, look, { rows: 1, columns: 1, offset: MOST_STEPS + at });
  });
}

/** L_norm, L_px or L_img of a batch (docs/method.md §4). */
function lossOf(
  tape: Tape,
  reconstruction: Tensor,
  x: Tensor,
  batch: readonly Sample[],
  { loss, alpha, image_k }: Settings,
  { C, H, W }: AdtrConfig,
): Tensor {
  const B = batch.length, N = H * W;
  if (loss === "norm") return meanSquaredError(tape, reconstruction, x, B * N * C);
  const y = tape.gpu.empty(loss === "px" ? [B, N] : [B], "labels");
  tape.gpu.stream.write(y, Float32Array.from(batch.flatMap(({ label }) => [...label])));
  return loss === "px"
    ? pixelLoss(tape, reconstruction, x, y, { channels: C, alpha })
    : imageLoss(tape, reconstruction, x, y, { channels: C, alpha, k: image_k });
}

/** In effect in an epoch, counted from 1. */
function learningRate({ lr, lr_step }: Settings, epoch: number): number {
  return epoch <= lr_step ? lr : 0.1 * lr;
}
