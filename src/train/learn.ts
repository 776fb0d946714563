/**
 * From the images of a category to a model, whatever the method: what it needs of the house while it learns, and what is
 * kept in the end.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { AnomalousImage, Category } from "../data/category.ts";
import { requireMemory } from "../methods/memory.ts";
import type { DataSizes, Fitted, Run, State, TrainingImages } from "../methods/method.ts";
import { contentOf } from "../methods/model_file.ts";
import { checkComponents, fitProjection, project, withProjection } from "../methods/projection.ts";
import { methodNamed } from "../methods/registry.ts";
import type { Settings } from "../methods/settings.ts";
import type { OnProgress, ProgressEvent } from "../progress.ts";
import { extractFeatures, type FeatureSource, sizesOf } from "../score/features.ts";
import { Model } from "../score/model.ts";
import type { Identity } from "./checkpoint.ts";
import { type Journal, NO_JOURNAL } from "./journal.ts";
import { diverged, optimize } from "./optimize.ts";
import { normalSet, openTrainingSet } from "./training_set.ts";

/** What to learn, and from what. */
export interface LearnOptions {
  /** What makes features of the images. */
  readonly source: FeatureSource;
  /** Whose normal images to learn from. */
  readonly category: Category;
  /** Every setting; those of the images' and the feature map's size must be the source's. */
  readonly settings: Settings;
  /** What is left behind to go on from, and the model; nothing by default. */
  readonly journal?: Journal;
  /** What the method's `readInit` gave, to begin with. */
  readonly init?: unknown;
  /** Labelled anomalous images; the category's by default. */
  readonly anomalous?: readonly AnomalousImage[];
  /** Irrelevant images. */
  readonly outliers?: readonly string[];
  /** Stops the work, after the step at work with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Told how features and training get on. */
  readonly onProgress?: OnProgress;
  /** Called before the work, once nothing is left that could be refused: the images, the checkpoint. */
  readonly onStart?: () => Promise<void>;
  /** Seconds between checkpoints; 30 by default. */
  readonly checkpointSeconds?: number;
  /** Bytes of memory that this computer has left; not looked at by default. */
  readonly available?: () => number;
}

/**
 * Learns. A training that was stopped or killed and is gone on with ends with the same bytes as one that was not.
 *
 * @returns the model, which is the caller's to dispose of; null where it was stopped
 * @throws {InputError} where an image can't be read, the journal can't keep something, memory won't do, there is nothing to
 *   learn from the images, the checkpoint is another training's, or the loss is no number any more
 */
export async function learn(options: LearnOptions): Promise<Model | null> {
  const { source, category, settings, journal = NO_JOURNAL, signal } = options;
  const method = methodNamed(settings.method), own = sizesOf(source), images = category.train.length;
  const values = own.C * own.H * own.W + (method.pooled ? own.P : 0), { components } = settings;
  checkComponents(components, own.C);
  const sizes = { ...own, images, C: components > 0 ? components : own.C };
  const available = options.available?.() ?? null;
  requireMemory(source.gpu, method, settings, sizes, 4 * images * values, available);
  try {
    const learning = new Learning(options, settings, journal, sizes);
    if (components > 0) await learning.reduce(components);
    const fitted = await method.learn(learning.run());
    try {
      const info = { ...learning.identity, category: category.name };
      const { source } = learning;
      await keep(
        options,
        settings,
        journal,
        withProjection(await fitted.state(), source.projection ?? null),
        info,
      );
      return new Model({ source, method, fitted, settings, info });
    } catch (error) {
      fitted[Symbol.dispose]();
      throw error;
    }
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  }
}

async function keep(
  { category }: LearnOptions,
  settings: Settings,
  journal: Journal,
  state: State,
  info: Identity,
): Promise<void> {
  for (const [name, { data }] of state.tensors) {
    if (data.every(Number.isFinite)) continue;
    if (settings.lr !== undefined) throw diverged(category.name, "after the last step");
    throw new InputError(`Expected finite numbers to keep of ${category.name}, but found others in ${name}`);
  }
  await journal.keep(contentOf(settings.method, state, info));
}

/** Images that have been looked at, for a training and those that come before it. */
interface Seen {
  images?: TrainingImages;
}

/** One training: the last, or one that comes before. */
class Learning {
  /** What tells it from others: settings, and what is known of the images. */
  identity: Identity;
  /** What makes features, brought down to their principal components where settings ask for that. */
  source: FeatureSource;
  #options: LearnOptions;
  #settings: Settings;
  #journal: Journal;
  #sizes: DataSizes;
  #seen: Seen;
  #phase: ProgressEvent["phase"];
  #checkpoint: Uint8Array<ArrayBuffer> | null | undefined;

  constructor(
    options: LearnOptions,
    settings: Settings,
    journal: Journal,
    sizes: DataSizes,
    seen: Seen = {},
    phase: ProgressEvent["phase"] = "training",
  ) {
    this.#options = options;
    this.#settings = settings;
    this.#journal = journal;
    this.#sizes = sizes;
    this.#seen = seen;
    this.#phase = phase;
    this.source = options.source;
    const { backbone } = options.source;
    this.identity = { ...settings, features: backbone?.fingerprint ?? "pixels" };
  }

  /** Learns the principal components of the normal images' features, which take the features' place from here on. */
  async reduce(components: number): Promise<void> {
    const { features, pooled } = await this.#images(), { gpu } = this.source;
    const projection = await fitProjection(
      gpu,
      features,
      sizesOf(this.source),
      components,
      this.#options.signal,
    );
    this.source = { ...this.source, projection };
    this.#seen.images = { features: features.map((values) => project(values, projection)), pooled };
  }

  run(): Run {
    const { category, init, signal } = this.#options, { source } = this, settings = this.#settings;
    return {
      gpu: source.gpu,
      settings,
      sizes: this.#sizes,
      init,
      signal,
      images: async () => {
        const images = await this.#images();
        await this.#options.onStart?.();
        return images;
      },
      trainingSet: async (wanted) => {
        const { anomalous = category.anomalous, outliers = [] } = this.#options, { seed } = settings;
        const normal = category.train;
        const set = wanted.labels === null
          ? await normalSet((await this.#images()).features, { ...wanted, seed })
          : await openTrainingSet({
            ...wanted,
            source,
            seed,
            normal,
            anomalous,
            outliers,
            onImage: (done, total) => this.#report("features", done, total, "images", { images: done }),
            signal,
          });
        signal?.throwIfAborted();
        this.#seen.images ??= { features: set.normal, pooled: [] };
        this.identity = { ...this.identity, images: normal.length, features_sha256: set.sha256 };
        return set;
      },
      isResumed: async () => await this.#resumed() !== null,
      optimize: async (trainable, set, epochs) =>
        await optimize(trainable, {
          gpu: source.gpu,
          set,
          epochs,
          journal: this.#journal,
          checkpoint: await this.#resumed(),
          identity: this.identity,
          label: category.name,
          checkpointSeconds: this.#options.checkpointSeconds ?? 30,
          signal,
          onStart: async () => {
            if (this.#phase === "training") await this.#options.onStart?.();
          },
          onSteps: ({ done, total, images, epoch, loss }) =>
            this.#report(this.#phase, done, total, "steps", { images, epoch, epochs, loss }),
        }),
      before: async (name, change) => {
        const journal = await this.#journal.before(name), changed = { ...settings, ...change } as Settings;
        const before = new Learning(
          this.#options,
          changed,
          journal,
          this.#sizes,
          this.#seen,
          "base training",
        );
        const fitted: Fitted = await methodNamed(changed.method).learn({ ...before.run(), init: undefined });
        try {
          const state = await fitted.state(), whole = withProjection(state, source.projection ?? null);
          await keep(this.#options, changed, journal, whole, { ...before.identity, category: category.name });
          return state;
        } finally {
          fitted[Symbol.dispose]();
        }
      },
      onProgress: (done, total, unit) => this.#report("fitting", done, total, unit),
    };
  }

  /** The checkpoint, which is read once. */
  async #resumed(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#checkpoint === undefined) this.#checkpoint = await this.#journal.read();
    return this.#checkpoint;
  }

  async #images(): Promise<TrainingImages> {
    if (this.#seen.images) return this.#seen.images;
    const { category: { train }, signal } = this.#options,
      { pooled } = methodNamed(this.#settings.method);
    const { C, H, W } = sizesOf(this.source), length = C * H * W;
    const onImage = (done: number) =>
      this.#report("features", done, train.length, "images", { images: done });
    const values = await extractFeatures({ ...this.source, pooled }, train, onImage, signal);
    signal?.throwIfAborted();
    return this.#seen.images = {
      features: values.map((image) => image.subarray(0, length)),
      pooled: pooled ? values.map((image) => image.subarray(length)) : [],
    };
  }

  #report(
    phase: ProgressEvent["phase"],
    done: number,
    total: number,
    unit: string,
    more: Partial<ProgressEvent> = {},
  ): void {
    const { category: { name: category }, onProgress } = this.#options;
    onProgress?.({ phase, category, done, total, unit, ...more });
  }
}
