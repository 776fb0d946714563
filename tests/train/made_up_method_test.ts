/**
 * The loop, checkpoints and logs with a method that the program does not know: two networks, each with an optimizer of its
 * own, on pixels, and a running mean that changes beside them. What a method has to be for that is a `Trainable`.
 *
 * @module
 */
import { deepEqual, equal, notDeepEqual, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { linear } from "../../src/autograd/linear.ts";
import { meanSquaredError } from "../../src/autograd/ops.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { serializeSafetensors } from "../../src/formats/safetensors.ts";
import type { Scope } from "../../src/gpu/compute.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { readLog } from "../../src/host/log.ts";
import { RunFolder } from "../../src/host/run_folder.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { add, fill } from "../../src/kernels/dense/elementwise.ts";
import { sumColumns } from "../../src/kernels/rows/columns.ts";
import type {
  Group,
  Sample,
  StepInfo,
  StepLog,
  Trainable,
  TrainingSet,
} from "../../src/methods/trainable.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import { Parameters } from "../../src/optim/parameters.ts";
import { checkpointOf, type Identity, parseCheckpoint, restore } from "../../src/train/checkpoint.ts";
import type { Content } from "../../src/formats/tensor_file.ts";
import type { Journal, LogEntry } from "../../src/train/journal.ts";
import { optimize } from "../../src/train/optimize.ts";
import { openTrainingSet } from "../../src/train/training_set.ts";
import { fill as values } from "../fill.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { tinyCategory, tinySource } from "./tiny.ts";

const S = 32, WIDE = 4; // a pixel's colour, and a 1
const EPOCHS = 4, STEPS = 12; // 7 images, 3 a step
const IDENTITY = { method: "made-up", epochs: EPOCHS, images: 7 };

/** A teacher that learns to say 0.5 of every pixel, and a student that learns what the teacher says. */
class MadeUp implements Trainable, Disposable {
  readonly groups = ["teacher", "student"].map((name) => {
    const parameters = new Parameters(gpu, new Map([["weight", [WIDE, WIDE]], ["bias", [WIDE]]]));
    const data = (what: string, size: number) => ({ data: values(`${name} ${what}`, size) });
    parameters.load(new Map([["weight", data("weight", WIDE ** 2)], ["bias", data("bias", WIDE)]]));
    return { parameters, optimizer: new AdamW(gpu, parameters) };
  });
  readonly mean = gpu.empty([WIDE], "a running mean");
  readonly buffers = new Map([["running_mean", this.mean]]);

  constructor() {
    fill(gpu, this.mean, 0);
  }

  step(scope: Scope, batch: readonly Sample[], { epoch }: StepInfo): StepLog {
    const rows = batch.length * S * S, x = scope.tensor(pixelsOf(batch), [rows, WIDE]);
    this.#follow(scope, x, rows);
    const half = scope.tensor(new Float32Array(rows * WIDE).fill(0.5), [rows, WIDE]);
    const lr = epoch > 2 ? 1e-3 : 1e-2;
    const says = (tape: Tape, { parameters }: Group) =>
      linear(tape, x, parameters.get("weight"), parameters.get("bias"));
    const learns = (group: Group, target: Tensor, lr: number) => {
      const tape = new Tape(scope), loss = meanSquaredError(tape, says(tape, group), target, rows * WIDE);
      tape.backward(loss);
      return { loss, squares: group.optimizer.step(tape, { lr }) };
    };
    const [teacher, student] = this.groups, first = learns(teacher, half, lr);
    const second = learns(student, says(new Tape(scope, { record: false }), teacher), 3 * lr);
    const loss = scope.empty([1], "a loss"), squares = scope.empty([1], "a gradient norm");
    add(scope, first.loss, second.loss, loss);
    add(scope, first.squares, second.squares, squares);
    return { loss, parts: { teacher: first.loss, student: second.loss }, squares, lr };
  }

  /** mean = 0.9 mean + 0.1 of the batch's. */
  #follow(scope: Scope, x: Tensor, rows: number): void {
    const before = scope.empty([WIDE], "a mean"), now = scope.empty([WIDE], "a mean");
    sumColumns(scope, this.mean, before, { rows: 1, columns: WIDE, scale: 0.9 });
    sumColumns(scope, x, now, { rows, columns: WIDE, scale: 0.1 / rows });
    add(scope, before, now, this.mean);
  }

  [Symbol.dispose](): void {
    for (const { parameters, optimizer } of this.groups) {
      optimizer[Symbol.dispose]();
      parameters[Symbol.dispose]();
    }
    gpu.release(this.mean);
  }
}

/** Colours and a 1, [B · S · S, 4]. */
function pixelsOf(batch: readonly Sample[]): Float32Array {
  const all = new Float32Array(batch.length * S * S * WIDE).fill(1);
  batch.forEach(({ features }, b) => {
    for (let i = 0; i < S * S; i++) all.set(features.subarray(3 * i, 3 * i + 3), (b * S * S + i) * WIDE);
  });
  return all;
}

/** A journal in memory. */
class Memory implements Journal {
  readonly name = "memory";
  checkpoint: Uint8Array<ArrayBuffer> | null = null;
  log: LogEntry[] = [];
  read: Journal["read"] = async (parse) => this.checkpoint && await parse(this.checkpoint, "memory");
  write({ tensors, metadata }: Content) {
    this.checkpoint = new Uint8Array(serializeSafetensors(tensors, metadata));
    return Promise.resolve();
  }
  begin = (steps: number) => Promise.resolve(void this.log.splice(steps));
  append = (entries: readonly LogEntry[]) => Promise.resolve(void this.log.push(...entries));
  keep = () => Promise.resolve();
  kept = () => Promise.resolve(null);
  before = (): Promise<Journal> => Promise.resolve(this);
  drop = () => Promise.resolve();
}

/** Pixels of normal images, as `input: "pixels"` has them. */
async function pixels(folder: string): Promise<TrainingSet> {
  const { train: normal } = await tinyCategory(folder), source = { ...tinySource(gpu), backbone: null };
  const set = await openTrainingSet({
    source,
    normal,
    anomalous: [],
    outliers: [],
    labels: null,
    batch_size: 3,
    shuffle: true,
    seed: 1,
  });
  deepEqual([set.steps, set.normal[0].length], [3, S * S * 3]);
  ok(set.normal.every((values) => values.every((v) => v >= 0 && v <= 1)));
  return set;
}

/** Trains, from the journal's checkpoint on if there is one, until so many steps are done. @returns the values in the end */
async function train(
  set: TrainingSet,
  journal: Journal,
  { until = Infinity, epochs = EPOCHS, identity = IDENTITY as Identity } = {},
): Promise<Record<string, number[]>> {
  using made = new MadeUp();
  const stop = new AbortController(), done: number[] = [];
  const work = optimize(made, {
    gpu,
    set,
    epochs,
    journal,
    checkpoint: await journal.read(parseCheckpoint),
    identity,
    label: "pixels",
    checkpointSeconds: 0,
    signal: stop.signal,
    onStart: () => Promise.resolve(),
    onSteps: (now) => {
      done.push(now.done);
      if (now.done >= until) stop.abort(new Error("enough"));
    },
  });
  if (until < STEPS) await rejects(work, /^Error: enough$/);
  else await work;
  deepEqual(done, done.toSorted((a, b) => a - b));
  const found: Record<string, number[]> = { mean: [...await gpu.read(made.mean)] };
  for (const [i, { parameters }] of made.groups.entries()) found[i] = [...await gpu.read(parameters.values)];
  return found;
}

Deno.test("stopped and gone on with, two networks and a running mean end with the same bytes", () =>
  inFolder(async (folder) => {
    const set = await pixels(folder), whole = new Memory(), { inUse } = gpu.memory.stats();
    const wanted = await train(set, whole);
    for (const stops of [[1], [4, 5], [9]]) {
      const journal = new Memory();
      for (const until of stops) await train(set, journal, { until });
      deepEqual(await train(set, journal), wanted);
      deepEqual(journal.checkpoint, whole.checkpoint);
      deepEqual(journal.log, whole.log);
    }
    deepEqual(await train(set, whole), wanted); // nothing is left to do
    equal(gpu.memory.stats().inUse, inUse);
    notDeepEqual(wanted["0"], wanted["1"]);
  }));

Deno.test("the log has the loss's parts, and the checkpoint all that changes", () =>
  inFolder(async (folder) => {
    const set = await pixels(folder), out = join(folder, "out");
    await Deno.mkdir(out);
    const found = await train(set, new RunFolder(out, true), { until: 5 });
    const more = await train(set, new RunFolder(out, true));
    notDeepEqual(more, found);
    const log = await readLog(join(out, "log.jsonl"));
    equal(log.length, STEPS);
    for (const [i, { step, epoch, loss, teacher, student, lr, grad_norm, ...others }] of log.entries()) {
      deepEqual([step, epoch, others], [i + 1, Math.floor(i / 3) + 1, {}]);
      ok(teacher > 0 && student > 0 && Math.fround(teacher + student) === loss);
      ok(grad_norm > 0);
      equal(lr, epoch > 2 ? 1e-3 : 1e-2);
    }
    ok(log.at(-1)!.teacher < 0.8 * log[0].teacher, `${log[0].teacher}, ${log.at(-1)!.teacher}`);
    const { tensors, metadata } = await readSafetensors(join(out, "checkpoint.safetensors"));
    const parts = [0, 1].flatMap((i) =>
      ["model", "m", "v"].flatMap((kind) => ["weight", "bias"].map((name) => `${i}.${kind}.${name}`))
    );
    deepEqual([...tensors.keys()].sort(), [...parts, "buffer.running_mean"].sort());
    deepEqual([metadata.steps, metadata.optimizer_steps], ["12", "[12,12]"]);
    // What was followed for 12 steps from 0 on is 1 − 0.9¹² of the mean of all pixels.
    const mean = set.normal.flatMap((image) => [...image]).reduce(
      (sum, v, _, all) => sum + v / all.length,
      0,
    );
    const followed = more.mean.slice(0, 3).reduce((sum, v) => sum + v / 3, 0) / (1 - 0.9 ** STEPS);
    ok(Math.abs(followed / mean - 1) < 0.05, `${followed} instead of ${mean}`);
    ok(Math.abs(more.mean[3] - (1 - 0.9 ** STEPS)) < 1e-6);
  }));

Deno.test("a checkpoint of another training, of other networks or of more steps is refused", () =>
  inFolder(async (folder) => {
    const set = await pixels(folder), journal = new Memory();
    await train(set, journal);
    const { checkpoint, log } = journal, before = log.slice();
    await rejects(train(set, journal, { identity: { ...IDENTITY, images: 8 } }), {
      name: "InputError",
      message: /^Expected to go on from memory with images 7, but found 8\.\n/,
    });
    await rejects(train(set, journal, { identity: { ...IDENTITY, images: "x".repeat(1000) } }), {
      message: /^Expected to go on from memory with images 7, but found x{80}… \(1000 characters\)\.\n/,
    });
    await rejects(train(set, journal, { epochs: 3 }), {
      name: "SettingError",
      message: "Expected epochs to be at least 4, as many as memory has done, but found 3",
    });
    using made = new MadeUp();
    const kept = await parseCheckpoint(checkpoint!, "memory"), { groups: [teacher], buffers } = made;
    const others: Trainable[] = [
      { ...made, step: made.step, groups: [teacher], buffers },
      { ...made, step: made.step, groups: made.groups, buffers: new Map([["variance", made.mean]]) },
    ];
    for (const other of others) {
      throws(() => restore(gpu, kept, other, IDENTITY, []), {
        name: "InputError",
        message: /in memory, but found/,
      });
    }
    equal(restore(gpu, kept, made, IDENTITY, []), STEPS);
    deepEqual(made.groups.map(({ optimizer }) => optimizer.steps), [STEPS, STEPS]);
    deepEqual(journal.log, before);
    const again = await checkpointOf(gpu, made, STEPS, IDENTITY);
    deepEqual(new Uint8Array(serializeSafetensors(again.tensors, again.metadata)), checkpoint);
  }));

Deno.test("a part of the loss that is no number ends the training", () =>
  inFolder(async (folder) => {
    const set = await pixels(folder), journal = new Memory();
    using made = new MadeUp();
    const broken: Trainable = {
      groups: made.groups,
      buffers: made.buffers,
      step(scope, batch, at) {
        const log = made.step(scope, batch, at);
        return at.step < 4 ? log : { ...log, parts: { ...log.parts, student: scope.tensor([NaN]) } };
      },
    };
    const work = optimize(broken, {
      gpu,
      set,
      epochs: EPOCHS,
      journal,
      checkpoint: null,
      identity: IDENTITY,
      label: "pixels",
      checkpointSeconds: Infinity,
      onStart: () => Promise.resolve(),
      onSteps: () => {},
    });
    await rejects(work, { name: "SettingError", kind: "divergence", message: /of pixels, .* at step 5\.\n/ });
    equal(journal.checkpoint, null);
    ok(journal.log.length < 5);
  }));
