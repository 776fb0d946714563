/**
 * What methods share whose networks are trained by steps: a method says which networks it has, its loss and its score;
 * that makes it one of the house (method.ts), with model files, checkpoints and checks (docs/methods.md).
 *
 * A model file has every network's values as `part.layer.name`, under PyTorch's names, and the method's `values`.
 *
 * @module
 */
import type * as v from "npm:valibot@^1.5.0";
import { Tape } from "../autograd/tape.ts";
import { expectTensor } from "../formats/tensor_file.ts";
import type { Compute, Scope } from "../gpu/compute.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { count, type Tensor } from "../gpu/tensor.ts";
import { type FeatureSizes, upload } from "../model/batches.ts";
import { initialValues, Network, type Parts, shapesIn } from "../model/network.ts";
import type { HostTensor } from "../optim/parameters.ts";
import {
  checkFeatures,
  checkPixels,
  type DataSizes,
  type Fitted,
  type Method,
  type Run,
  type Scores,
  type ScoreSettings,
  type State,
  tensorOf,
} from "./method.ts";
import { modelReader, SIZES } from "./model.ts";
import { type Settings, type TrainingSettings, whole } from "./settings.ts";
import type { Group, Sample, StepInfo, StepLog, Trainable, TrainingSet } from "./trainable.ts";

/** Sizes that every trained model has: of features (of pixels C = 3, H = W = S), and the side of the images. */
export interface TrainedSizes extends FeatureSizes {
  S: number;
}

/** A model on the GPU. */
export interface TrainedModel<Z extends object = object> {
  readonly gpu: Gpu;
  /** What it looks at. */
  readonly input: Method["input"];
  readonly sizes: Z & TrainedSizes;
  /** By the names that the method gave them. */
  readonly networks: Readonly<Record<string, Network>>;
  /** What it keeps beside them, by name. */
  readonly values: Readonly<Record<string, Tensor>>;
}

/** Images that are looked at together. */
export interface Batch {
  /** B */
  readonly size: number;
  /** [B, S, S, 3] in 0..1, where the method takes pixels. */
  readonly pixels: Tensor;
  /** [B, N, C] of the frozen backbone, where the method takes features. */
  readonly features: Tensor;
}

/** A batch to learn from. */
export interface TrainingBatch extends Batch {
  /** With their labels, on the host. */
  readonly samples: readonly Sample[];
}

/** How it learns: optimizers, and what a step does. The optimizers are disposed of when it has learned. */
export interface Training {
  readonly groups: readonly Group[];
  /** Before the first step of each epoch, counted from 1 on. */
  beginEpoch?(epoch: number): Promise<void>;
  step(scope: Scope, batch: TrainingBatch, at: StepInfo): StepLog;
}

/** A method by its networks. S are its own settings, Z the sizes of its networks beside those that every model has. */
export interface TrainedMethod<S extends object, Z extends object> extends
  Pick<
    Method<S>,
    | "name"
    | "about"
    | "settings"
    | "input"
    | "maps"
    | "labels"
    | "labelled"
    | "positional"
    | "stages"
    | "variants"
    | "defaults"
    | "check"
  > {
  /** Settings that make its networks smaller. */
  readonly lower: readonly string[];
  /** What a model file says of Z: a schema for each number. */
  readonly sizes: v.ObjectEntries;
  sizesOf(settings: Settings<S>, data: DataSizes): Z;
  /** Its networks by name, each with an optimizer of its own. @throws {RangeError} where there are none of such sizes */
  networks(sizes: Z & TrainedSizes): Readonly<Record<string, Parts>>;
  /** The shapes of what it keeps beside them, zeros to begin with. Checkpoints have them too. */
  values?(sizes: Z & TrainedSizes): Readonly<Record<string, readonly number[]>>;
  /** Values to begin with in the place of some that the seed draws: from a training that comes before. Others are left out. */
  begin?(run: Run<S>, sizes: Z & TrainedSizes): Promise<ReadonlyMap<string, HostTensor>>;
  /** Before the first step; not where a training is gone on with. */
  prepare?(model: TrainedModel<Z>, run: Run<S>, set: TrainingSet): Promise<void>;
  train(model: TrainedModel<Z>, settings: Settings<S>, set: TrainingSet): Training;
  /** After the last step. */
  finish?(model: TrainedModel<Z>, run: Run<S>, set: TrainingSet): Promise<void>;
  /** Maps and scores; an image's must not depend on what else is in the batch. */
  score(model: TrainedModel<Z>, batch: Batch, settings: ScoreSettings): Promise<Scores>;
}

/** What it gives, for those that keep more than networks and values. */
export interface FittedModel<Z extends object> extends Fitted {
  readonly model: TrainedModel<Z>;
}

/** The method that it is. */
export function trainedMethod<S extends object, Z extends object>(
  own: TrainedMethod<S, Z>,
): Omit<Method<S>, "learn" | "open"> & {
  learn(run: Run<S>): Promise<FittedModel<Z>>;
  open(gpu: Gpu, state: State): Promise<FittedModel<Z>>;
} {
  const read = modelReader({ ...SIZES, H: SIDE, W: SIDE, S: SIDE, ...own.sizes });
  const sizesIn = (model: unknown): Z & TrainedSizes => {
    const sizes = read(model) as unknown as Z & TrainedSizes, { C, H, W, S } = sizes;
    if (own.input === "pixels" && `${[H, W, C]}` !== `${[S, S, 3]}`) {
      throw new RangeError(`Expected sizes of ${S}×${S}×3 pixels, but found ${H}×${W}×${C}`);
    }
    own.networks(sizes);
    return sizes;
  };
  const sizesFor = (settings: Settings<S>, data: DataSizes): Z & TrainedSizes => ({
    C: data.C,
    H: data.H,
    W: data.W,
    S: settings.image_size,
    ...own.sizesOf(settings, data),
  });
  const {
    lower,
    sizes: _,
    sizesOf: __,
    networks,
    values,
    begin,
    prepare,
    train,
    finish,
    score: _score,
    ...method
  } = own;
  return {
    ...method,
    pooled: false,
    seeded: true,
    readModel: sizesIn,
    needs(settings, data) {
      const sizes = sizesFor(settings, data);
      const each = Object.values(networks(sizes)).map((parts) => bytesOf(shapesIn(parts).values()));
      const all = each.reduce((a, b) => a + b, 0) + bytesOf(Object.values(values?.(sizes) ?? {}));
      const perImage = own.input === "both"
        ? data.C * data.H * data.W + 3 * sizes.S ** 2
        : data.C * data.H * data.W;
      return {
        gpu: 4 * all, // with gradients and moments
        host: 3 * all + 4 * Number((settings as Partial<TrainingSettings>).batch_size ?? 1) * perImage,
        bound: [{ what: "The parameters", bytes: Math.max(...each), lower }],
        lower,
        or: "take fewer training images",
      };
    },
    readInit(file, settings, sizes) {
      const shapes = shapesOf(own, sizesFor(settings, sizes as DataSizes));
      return new Map(
        [...shapes].map(([name, shape]) => [name, { shape, data: expectTensor(file, name, shape) }]),
      );
    },
    async learn(run) {
      const { gpu, settings } = run, sizes = sizesFor(settings, run.sizes);
      const set = await run.trainingSet({
        ...TRAINING_SET,
        ...settings as Partial<TrainingSettings>,
        labels: own.labels?.(settings) ?? null,
      });
      const resumed = await run.isResumed(), given = run.init as ReadonlyMap<string, HostTensor> | undefined;
      const begun = given ?? (resumed ? undefined : await begin?.(run, sizes)) ?? [];
      const values = new Map([...initial(own, sizes, settings.seed), ...begun]);
      const fitted = new FittedNetworks(gpu, own, sizes, values);
      try {
        if (!resumed) await prepare?.(fitted.model, run, set);
        const { groups, beginEpoch, step } = train(fitted.model, settings, set);
        try {
          const trainable: Trainable = {
            groups,
            buffers: fitted.buffers,
            beginEpoch,
            step: (scope, samples, at) => step(scope, batchOf(scope, fitted.model, samples), at),
          };
          const { epochs } = settings as unknown as TrainingSettings;
          await run.optimize(trainable, set, epochs);
        } finally {
          for (const { optimizer } of groups) optimizer[Symbol.dispose]();
        }
        await finish?.(fitted.model, run, set);
        return fitted;
      } catch (error) {
        fitted[Symbol.dispose]();
        throw error;
      }
    },
    // deno-lint-ignore require-await -- what it throws rejects
    async open(gpu, state) {
      const sizes = sizesIn(state.model);
      const all = [...shapesOf(own, sizes)].map(([name, shape]) =>
        [name, tensorOf(state, name, shape)] as const
      );
      return new FittedNetworks(gpu, own, sizes, new Map(all));
    },
  };
}

const SIDE = whole(1, 4096);
const TRAINING_SET = { batch_size: 1, shuffle: true };

/** One value's bytes on the GPU, as {@linkcode Parameters} lays them out. */
function bytesOf(shapes: Iterable<readonly number[]>): number {
  let floats = 0;
  for (const shape of shapes) floats += Math.ceil(count(shape) / 64) * 64;
  return 4 * floats;
}

type Described<S extends object, Z extends object> = Pick<
  TrainedMethod<S, Z>,
  "input" | "networks" | "values" | "score"
>;

/** The parts of several networks. @throws {RangeError} where two have one of the same name: values are stored by these */
function partsOf(networks: Readonly<Record<string, Parts>>): Parts[] {
  const found = new Map<string, string>();
  for (const [network, parts] of Object.entries(networks)) {
    for (const part of Object.keys(parts)) {
      const other = found.get(part);
      if (other !== undefined) {
        throw new RangeError(
          `Expected parts of different names, but found ${part} in ${other} and ${network}`,
        );
      }
      found.set(part, network);
    }
  }
  return Object.values(networks);
}

/** The shapes of all that a model keeps, by name. */
function shapesOf<S extends object, Z extends object>(
  { networks, values }: Described<S, Z>,
  sizes: Z & TrainedSizes,
): Map<string, readonly number[]> {
  const all = partsOf(networks(sizes)).flatMap((parts) => [...shapesIn(parts)]);
  return new Map([...all, ...Object.entries(values?.(sizes) ?? {})]);
}

/** What the seed draws. */
export function initial<S extends object, Z extends object>(
  { networks, values }: Described<S, Z>,
  sizes: Z & TrainedSizes,
  seed: number,
): Map<string, HostTensor> {
  const drawn = partsOf(networks(sizes)).flatMap((parts) => [...initialValues(parts, seed)]);
  const zeros = Object.entries(values?.(sizes) ?? {}).map(([name, shape]) =>
    [name, { shape, data: new Float32Array(count(shape)) }] as const
  );
  return new Map([...drawn, ...zeros]);
}

/** Samples on the GPU, as the method takes them. */
export function batchOf(
  gpu: Compute,
  { input, sizes }: Pick<TrainedModel, "input" | "sizes">,
  samples: readonly Sample[],
): TrainingBatch {
  const { S } = sizes, features = upload(gpu, samples.map(({ features }) => features), sizes);
  const pixels = input === "both"
    ? upload(gpu, samples.map(({ pixels }) => pixels!), { C: 3, H: S, W: S })
    : features;
  return { size: samples.length, samples, features, pixels: asMaps(pixels, input, S) };
}

/** Pixels [B, S · S, 3] as maps; what is none stays. */
function asMaps(x: Tensor, input: Method["input"], S: number): Tensor {
  return input === "features" ? x : x.view([x.shape[0], S, S, 3]);
}

/** A method that has learned. */
class FittedNetworks<S extends object, Z extends object> implements FittedModel<Z> {
  readonly model: TrainedModel<Z>;
  #own: Described<S, Z>;

  constructor(
    gpu: Gpu,
    own: Described<S, Z>,
    sizes: Z & TrainedSizes,
    values: ReadonlyMap<string, HostTensor>,
  ) {
    this.#own = own;
    using stack = new DisposableStack();
    const networks = Object.entries(own.networks(sizes)).map(([name, parts]) =>
      [name, stack.use(new Network(gpu, parts, values))] as const
    );
    const others = Object.entries(own.values?.(sizes) ?? {}).map(([name, shape]) =>
      [name, gpu.tensor(values.get(name)!.data, shape)] as const
    );
    this.model = {
      gpu,
      input: own.input,
      sizes,
      networks: Object.fromEntries(networks),
      values: Object.fromEntries(others),
    };
    stack.move();
  }

  /** What changes in training beside parameters. */
  get buffers(): ReadonlyMap<string, Tensor> {
    const { networks, values } = this.model;
    return new Map([
      ...Object.values(networks).flatMap(({ buffers }) => [...buffers]),
      ...Object.entries(values),
    ]);
  }

  async score(
    x: Tensor,
    _: readonly Float32Array[],
    settings: ScoreSettings,
    pixels?: Tensor,
  ): Promise<Scores> {
    const { input } = this.#own, { sizes } = this.model, { S } = sizes, [B] = x.shape;
    checkFeatures(x, sizes);
    const images = input === "both" ? checkPixels(pixels, B, S) : x;
    const batch = { size: B, features: x, pixels: asMaps(images, input, S) };
    return await this.#own.score(this.model, batch, settings);
  }

  async state(): Promise<State> {
    const { gpu, sizes, networks, values } = this.model, tensors = new Map<string, HostTensor>();
    for (const network of Object.values(networks)) {
      for (const [name, value] of await network.read()) tensors.set(name, value);
    }
    for (const [name, tensor] of Object.entries(values)) {
      tensors.set(name, { shape: tensor.shape, data: await gpu.read(tensor) });
    }
    return { model: { ...sizes } as State["model"], tensors };
  }

  [Symbol.dispose](): void {
    for (const network of Object.values(this.model.networks)) network[Symbol.dispose]();
    for (const tensor of Object.values(this.model.values)) this.model.gpu.release(tensor);
  }
}

/** A tape for scoring, which keeps nothing; with `record`, for gradients of inputs. */
export function scoringTape(gpu: Compute, record = false): Tape {
  return new Tape(gpu, { record, dropout: false });
}
