/**
 * One training under way, whatever the method: what that needs of the house while it learns.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { AnomalousImage, Category } from "../data/category.ts";
import type { DataSizes, Fitted, Run, State, TrainingImages } from "../methods/method.ts";
import { contentOf, type ModelFile } from "../methods/model_file.ts";
import { fitProjection, project, withProjection } from "../methods/projection.ts";
import { methodNamed } from "../methods/registry.ts";
import type { Settings } from "../methods/settings.ts";
import type { OnProgress, ProgressEvent } from "../progress.ts";
import {
  extractPieces,
  type FeatureSource,
  type PieceFeatures,
  sizesOf,
  sourceFor,
} from "../score/features.ts";
import { type Checkpoint, type Identity, parseCheckpoint } from "./checkpoint.ts";
import type { Keeper } from "../score/kept.ts";
import type { Journal } from "./journal.ts";
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
  /** Called when it has learned, before images are held out for thresholds. */
  readonly onLearned?: () => void;
  /** Seconds between checkpoints; 30 by default. */
  readonly checkpointSeconds?: number;
  /** Bytes of memory that this computer has left; not looked at by default. */
  readonly available?: () => number;
  /** Bytes of features that a training keeps in memory; a quarter of what is available by default. */
  readonly featureBytes?: number;
}

/** What to learn, and how features are kept meanwhile. */
export interface Work extends LearnOptions {
  readonly keeper: Keeper;
}

/** Features of images that have been looked at, for a training and those that come before it. */
export interface Seen {
  /** Of each piece as the source makes them for the method. */
  all?: readonly PieceFeatures[];
  /** The same apart, brought down to principal components where settings ask for that. */
  images?: TrainingImages;
}

/** One training: the last, or one that comes before or beside. */
export class Learning {
  /** What tells it from others: settings, and what is known of the images. */
  identity: Identity;
  /** What makes features, brought down to their principal components where settings ask for that. */
  source: FeatureSource;
  #options: Work;
  #settings: Settings;
  #journal: Journal;
  #sizes: DataSizes;
  #seen: Seen;
  #phase: ProgressEvent["phase"];
  #checkpoint: Checkpoint | null | undefined;
  #isStarted = false;

  constructor(
    options: Work,
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
    const { features, ...others } = await this.#images(), { gpu } = this.source, { keeper } = this.#options;
    const projection = await fitProjection(
      gpu,
      features,
      sizesOf(this.source),
      components,
      this.#options.signal,
    );
    this.source = { ...this.source, projection };
    const kept: (() => Float32Array<ArrayBuffer>)[] = [];
    for (const values of features) kept.push(keeper.keep(project(values, projection)));
    this.#seen.images = { features: keeper.list(kept.length, (i) => kept[i]()), ...others };
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
        await this.#start();
        return images;
      },
      trainingSet: async (wanted) => {
        const { anomalous = category.anomalous, outliers = [] } = this.#options, { seed } = settings;
        const normal = category.train, { input } = methodNamed(settings.method), { keeper } = this.#options;
        const set = wanted.labels === null
          ? await normalSet(await this.#images(), { ...wanted, seed, keeper })
          : await openTrainingSet({
            ...wanted,
            keeper,
            source: { ...source, pixels: input === "both" },
            seed,
            normal,
            anomalous,
            outliers,
            onImage: (done, total) => this.#report("features", done, total, "images", { images: done }),
            signal,
          });
        signal?.throwIfAborted();
        this.#seen.images ??= { features: set.normal, pooled: [], pixels: set.pixels };
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
            if (this.#phase === "training") await this.#start();
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

  /** Tells, once, that nothing is left that could be refused. */
  async #start(): Promise<void> {
    if (!this.#isStarted) await this.#options.onStart?.();
    this.#isStarted = true;
  }

  /** The checkpoint, which is read once. */
  async #resumed(): Promise<Checkpoint | null> {
    if (this.#checkpoint === undefined) this.#checkpoint = await this.#journal.read(parseCheckpoint);
    return this.#checkpoint;
  }

  /** Features of the normal images as the source makes them, with all that the method looks at. */
  async features(): Promise<readonly PieceFeatures[]> {
    if (this.#seen.all) return this.#seen.all;
    const { category: { train }, signal } = this.#options, method = methodNamed(this.#settings.method);
    const onImage = (done: number) =>
      this.#report("features", done, train.length, "images", { images: done });
    const source = { ...sourceFor(this.source, method), projection: null };
    return this.#seen.all = await extractPieces(source, train, onImage, signal, this.#options.keeper);
  }

  async #images(): Promise<TrainingImages> {
    if (this.#seen.images) return this.#seen.images;
    const all = await this.features(), { C, H, W } = sizesOf(this.source), length = C * H * W;
    const { pooled, input } = methodNamed(this.#settings.method);
    const { list } = this.#options.keeper;
    this.#seen.images = {
      features: list(all.length, (i) => all[i].values.subarray(0, length)),
      pooled: pooled ? list(all.length, (i) => all[i].values.slice(length)) : [], // apart: a part of what a file gives would keep all of it in memory
      pixels: input === "both" ? list(all.length, (i) => all[i].pixels!) : undefined,
    };
    if (this.#settings.folds === 0) this.#seen.all = undefined; // nobody asks again
    return this.#seen.images;
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

/** Whether a training takes steps, so that there may be a checkpoint to go on from. */
export function isTrained(settings: Settings): boolean {
  return settings.epochs !== undefined;
}

/** Keeps what was learned. @throws {InputError} where it is no finite numbers */
export async function keep(
  { category }: Pick<LearnOptions, "category">,
  settings: Settings,
  journal: Journal,
  state: State,
  info: Identity,
  decided?: Pick<ModelFile, "decision" | "heldOut">,
): Promise<void> {
  for (const [name, { data }] of state.tensors) {
    if (data.every(Number.isFinite)) continue;
    if (settings.lr !== undefined) throw diverged(category.name, "after the last step");
    throw new InputError(`Expected finite numbers to keep of ${category.name}, but found others in ${name}`);
  }
  await journal.keep(contentOf(settings.method, state, info, decided));
}
