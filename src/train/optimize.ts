/**
 * The optimizers' loop, whatever is trained: steps, what they log, when they are looked at and when a checkpoint is written.
 *
 * @module
 */
import { type InputError, SettingError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import type { Trainable, TrainingSet } from "../methods/trainable.ts";
import { type Checkpoint, checkpointOf, type Identity, restore } from "./checkpoint.ts";
import type { Journal, LogEntry } from "./journal.ts";

const LOOK_SECONDS = 0.4; // between read-backs, each of which costs some 10 ms
const MOST_STEPS = 64; // between read-backs

/** What a loop needs beside what is trained. */
export interface LoopOptions {
  readonly gpu: Gpu;
  readonly set: TrainingSet;
  readonly epochs: number;
  readonly journal: Journal;
  /** The checkpoint to go on from; null to begin. */
  readonly checkpoint: Checkpoint | null;
  /** What the checkpoint belongs to. */
  readonly identity: Identity;
  /** What errors call what is trained on. */
  readonly label: string;
  /** Seconds between checkpoints. */
  readonly checkpointSeconds: number;
  readonly signal?: AbortSignal;
  /** Called before the first step, once nothing is left that could be refused. */
  onStart(): Promise<void>;
  /** Called now and then, at least once an epoch. */
  onSteps(now: LoopProgress): void;
}

/** How far a loop is. */
export interface LoopProgress {
  /** Steps done, and to do in all. */
  readonly done: number;
  readonly total: number;
  /** Images that this loop has taken. */
  readonly images: number;
  /** Epochs finished. */
  readonly epoch: number;
  /** Mean loss of the epoch so far, or of the one that has just ended. */
  readonly loss: number;
}

/**
 * Makes the steps that are left.
 *
 * @throws {InputError} where the checkpoint is another training's or has done more, or it can't be kept
 * @throws {SettingError} where loss or gradient is no number any more
 * @throws the signal's reason where that was aborted, once a checkpoint is kept
 */
export async function optimize(trainable: Trainable, options: LoopOptions): Promise<void> {
  const { gpu, set, epochs, journal, checkpoint, identity, label, signal } = options;
  const total = set.steps * epochs;
  let done = checkpoint === null ? 0 : restore(gpu, checkpoint, trainable, identity, ["epochs"]);
  if (done > total) {
    throw new SettingError(
      `Expected {epochs} to be at least ${Math.ceil(done / set.steps)}, as many as ${
        checkpoint!.file.path
      } has done, but found ${epochs}`,
    );
  }
  await options.onStart();
  await journal.begin(done);

  const look = new Look(gpu);
  try {
    let saved = performance.now(), pace = 1, images = 0;
    let epochLoss = { sum: 0, steps: 0 };
    while (done < total && !signal?.aborted) {
      const first = done, epoch = Math.floor(first / set.steps) + 1;
      const count = Math.min(pace, MOST_STEPS, epoch * set.steps - first);
      if (first % set.steps === 0) await trainable.beginEpoch?.(epoch);
      const began = performance.now();
      for (let i = 0; i < count; i++, done++) {
        const batch = await set.batch(done), at = { step: done, epoch };
        images += batch.length;
        await gpu.step((scope) => look.take(trainable.step(scope, batch, at), i));
      }
      const entries = (await look.read(count)).map((values, i): LogEntry => ({
        step: first + i + 1,
        epoch,
        ...values,
      }));
      pace = Math.max(1, Math.round(count * LOOK_SECONDS * 1000 / (performance.now() - began)));
      const lost = entries.find((entry) => !Object.values(entry).every(Number.isFinite));
      if (lost) throw diverged(label, `at step ${lost.step}`);
      await journal.append(entries);
      for (const { loss } of entries) epochLoss = { sum: epochLoss.sum + loss, steps: epochLoss.steps + 1 };
      const ended = done % set.steps === 0;
      options.onSteps({
        done,
        total,
        images,
        epoch: ended ? epoch : epoch - 1,
        loss: epochLoss.sum / epochLoss.steps,
      });
      if (ended) epochLoss = { sum: 0, steps: 0 };
      // Signals and timers get their turn.
      await new Promise((resolve) => setTimeout(resolve));
      const over = done === total || signal?.aborted;
      if (over || performance.now() - saved > options.checkpointSeconds * 1000) {
        await journal.write(await checkpointOf(gpu, trainable, done, identity));
        saved = performance.now();
      }
    }
  } finally {
    look.release();
  }
  if (done < total) throw signal!.reason;
}

/** The error for a loss or gradient that is no number any more. */
export function diverged(label: string, when: string): InputError {
  return new SettingError(
    `Expected a finite loss and gradient of ${label}, but found them beyond float32 ${when}.\n` +
      "Lower {lr}, or set {clip}.",
    "divergence",
  );
}

/** What steps leave for the log, kept on the GPU until it is read: a row of `MOST_STEPS` numbers for each name. */
class Look {
  #gpu: Gpu;
  #rows: Tensor | null = null;
  #names: string[] = [];
  #lrs: number[] = [];

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** Takes what step `at` of those since the last reading has left. */
  take({ loss, parts = {}, squares, lr }: ReturnType<Trainable["step"]>, at: number): void {
    const tensors = { loss, ...parts, squares };
    if (this.#rows === null) {
      this.#names = Object.keys(tensors);
      this.#rows = this.#gpu.empty([this.#names.length, MOST_STEPS], "losses and gradient norms");
    }
    for (const [i, tensor] of Object.values(tensors).entries()) {
      sumColumns(this.#gpu, tensor, this.#rows, { rows: 1, columns: 1, offset: i * MOST_STEPS + at });
    }
    this.#lrs[at] = lr;
  }

  /** The first `count` steps' numbers. */
  async read(count: number): Promise<Pick<LogEntry, "loss" | "lr" | "grad_norm">[]> {
    const values = await this.#gpu.step((gpu) => gpu.read(this.#rows!)); // what others lack memory for is theirs to hear
    return Array.from({ length: count }, (_, at) => {
      const { loss, squares, ...parts }: Record<string, number> = Object.fromEntries(
        this.#names.map((name, i) => [name, values[i * MOST_STEPS + at]]),
      );
      return { loss, ...parts, lr: this.#lrs[at], grad_norm: Math.sqrt(squares) };
    });
  }

  release(): void {
    if (this.#rows) this.#gpu.release(this.#rows);
  }
}
