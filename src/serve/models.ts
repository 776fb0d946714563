/**
 * The models that are served: each with its queue, opened again when its file changes, and all of them when the GPU fails.
 *
 *     ok ──── a score or a look finds the device failed ────► failed ──── a new device, all models on it ────► ok
 *      │                                                        └── neither can be opened: again, ever less often
 *      └── a file has changed, and then not for a while: the new model takes the place of the old one, or is refused
 *
 * @module
 */
import { wait } from "../host/wait.ts";
import { basename, dirname, resolve } from "node:path";
import type { Image } from "../data/image.ts";
import { InputError } from "../errors.ts";
import { GpuError, KernelError } from "../gpu/error.ts";
import type { Decision } from "../methods/decision.ts";
import { type Scoring, ScoringQueue } from "../score/queue.ts";
import type { Verdict } from "../score/verdict.ts";
import type { Metrics } from "./metrics.ts";
import { Refusal } from "./refusal.ts";

/** What a model is here: `Model` has it all. */
export interface Served extends Scoring, Disposable {
  readonly decision: Decision;
  readonly method: { readonly name: string; readonly maps: boolean };
  readonly settings: { readonly image_size: number };
  readonly info: Readonly<Record<string, unknown>>;
}

/** What a GPU is here. */
export interface Device {
  /** @throws {Error} where it can't be used any more */
  check(): void;
  /** Frees all that is on it. */
  close(): void;
}

/** Where devices and models come from: WebGPU and files, or a test. */
export interface Backend<D extends Device = Device> {
  /** Opens a device. @throws {GpuError} where there is none */
  openDevice(): Promise<D>;
  /** Opens a model's file. @throws {InputError} where it is none */
  openModel(device: D, path: string): Promise<Served>;
  /** What tells that a file has changed; null where it isn't there. */
  stamp(path: string): Promise<string | null>;
}

/** How to serve models. */
export interface ModelsOptions {
  /** Images that are scored together at most. */
  batch: number;
  /** Images that wait for a model at most. */
  queue: number;
  /** Milliseconds between two looks at files and device; 1000 by default. */
  interval?: number;
  /** Told in a sentence what whoever runs the server should know; paths may be in it. */
  onNotice: (message: string) => void;
}

/** A model with its queue. */
export interface ServedModel {
  /** Different for all. */
  readonly name: string;
  readonly model: Served;
  readonly queue: ScoringQueue;
  /** Seconds that an image took in the last batch; 0 before the first. */
  readonly pace: () => number;
}

/** One model's file. */
interface Place {
  name: string;
  path: string;
  model: ServedModel;
  /** The file's stamp when it was opened, or refused. */
  known: string | null;
  /** Its stamp at the last look. */
  seen: string | null;
}

/** Milliseconds until a failed device is opened anew: at once, then after this, doubled each time up to the last. */
const FIRST_PAUSE = 1000, LAST_PAUSE = 30_000;
/** Milliseconds that work on a failed device has to fail in, before it is closed. */
const LAST_WORK = 5000;
/** Seconds after which who met a failed GPU may ask again. */
const RETRY = "2";

/** All models that are served. */
export class Models<D extends Device = Device> implements AsyncDisposable {
  readonly #backend: Backend<D>;
  readonly #options: Required<ModelsOptions>;
  readonly #metrics: Metrics;
  #places: Place[] = [];
  #device: D;
  #failure: string | null = null;
  #stop = new AbortController();
  #watching: Promise<void>;
  #recovering: Promise<void> = Promise.resolve();
  /** Ends of models that new ones have taken the place of. */
  #leaving = new Set<Promise<void>>();

  private constructor(
    device: D,
    backend: Backend<D>,
    options: ModelsOptions,
    metrics: Metrics,
  ) {
    this.#device = device;
    this.#backend = backend;
    this.#options = { interval: 1000, ...options };
    this.#metrics = metrics;
    this.#watching = Promise.resolve();
  }

  /**
   * Opens models, and looks after them from then on.
   *
   * @param paths of their files; the first is the default
   * @param metrics where to count
   * @throws {InputError} where a file is no model; {GpuError} where there is no GPU
   */
  static async open<D extends Device>(
    paths: readonly string[],
    backend: Backend<D>,
    options: ModelsOptions,
    metrics: Metrics,
  ): Promise<Models<D>> {
    const device = await backend.openDevice(), models = new Models(device, backend, options, metrics);
    try {
      const names = namesOf(paths);
      for (const [i, path] of paths.entries()) models.#places.push(await models.#open(names[i], path));
    } catch (error) {
      device.close();
      throw error;
    }
    models.#watching = models.#watch();
    return models;
  }

  /** All of them, the default first. */
  get all(): readonly ServedModel[] {
    return this.#places.map(({ model }) => model);
  }

  /** Null while images can be scored, else why not. */
  get failure(): string | null {
    return this.#failure;
  }

  /** The model of that name; the default without one. @throws {Refusal} 404 where there is none */
  find(name?: string): ServedModel {
    const found = name === undefined ? this.all[0] : this.all.find((model) => model.name === name);
    if (found) return found;
    const known = this.all.map(({ name }) => name).join(", ");
    throw new Refusal(404, `Expected one of the models ${known}, but found ${JSON.stringify(name)}`);
  }

  /**
   * Scores an image by a model's queue.
   *
   * @param open gives its pixels when its turn comes near
   * @throws {Refusal} 503 where the GPU fails; and as `ScoringQueue.score`
   */
  async score(
    model: ServedModel,
    open: () => Promise<Image>,
    { name, signal }: { name: string; signal?: AbortSignal },
  ): Promise<Verdict> {
    this.requireGpu();
    try {
      return await model.queue.score(open, { name, signal });
    } catch (error) {
      if (!isGpuFailure(error)) throw error;
      this.#onGpuError(error);
      throw gpuRefusal(
        error instanceof GpuError && error.kind === "out-of-memory"
          ? "the GPU has no memory left"
          : "the GPU failed",
      );
    }
  }

  /** @throws {Refusal} 503 while the GPU is being opened again */
  requireGpu(): void {
    if (this.#failure !== null) throw gpuRefusal(this.#failure);
  }

  /** Waits for what is queued, and closes the device. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#watching, this.#recovering, ...this.all.map(({ queue }) => queue.idle())]);
    await Promise.all(this.#leaving);
    if (this.#failure === null) { for (const { model } of this.all) model[Symbol.dispose](); }
    this.#device.close();
  }

  async #open(name: string, path: string, device: D = this.#device): Promise<Place> {
    const { batch, queue: most } = this.#options;
    const stamp = await this.#backend.stamp(path); // before it is read: what is written meanwhile is noticed
    const model = await this.#backend.openModel(device, path);
    let pace = 0;
    const onBatch = (images: number, seconds: number): void => {
      pace = seconds / images;
      this.#metrics.batches.observe(images, { model: name });
      this.#metrics.batchSeconds.observe(seconds, { model: name });
    };
    const queue = new ScoringQueue(model, { batch, most, onBatch });
    return { name, path, model: { name, model, queue, pace: () => pace }, known: stamp, seen: stamp };
  }

  /** Looks at the device and the files again and again. */
  async #watch(): Promise<void> {
    const { interval } = this.#options;
    while (await wait(interval, this.#stop.signal)) {
      if (this.#failure !== null) continue;
      if (this.#isDeviceLost()) this.#recover("the GPU failed");
      for (const place of this.#places) await this.#look(place);
    }
  }

  /** Opens a model anew whose file has changed since it was opened, and is the same as at the last look: it may be half written. */
  async #look(place: Place): Promise<void> {
    const stamp = await this.#backend.stamp(place.path), settled = stamp === place.seen;
    place.seen = stamp;
    if (stamp === place.known || !settled || this.#failure !== null) return;
    const { name, path, model: old } = place, { onNotice } = this.#options, device = this.#device;
    place.known = stamp; // not tried again until it changes again
    try {
      if (stamp === null) throw new InputError("it is not there any more");
      const opened = await this.#open(name, path, device);
      if (device !== this.#device) return; // meanwhile all were opened anew
      Object.assign(place, opened);
      onNotice(`${name}: opened anew from ${path}, which has changed`);
      this.#metrics.reloads.add({ model: name, outcome: "opened" });
      const left = this.#leave(old, device).finally(() => this.#leaving.delete(left));
      this.#leaving.add(left);
    } catch (error) {
      this.#metrics.reloads.add({ model: name, outcome: "refused" });
      onNotice(
        `${name}: ${path} has changed, but the model opened before stays in use: ${sentenceOf(error)}`,
      );
      if (isGpuFailure(error)) this.#onGpuError(error);
    }
  }

  /** Disposes of a model when what waits for it is scored. With another device in use, its own took it along. */
  async #leave({ name, model, queue }: ServedModel, device: D): Promise<void> {
    await queue.idle();
    if (device !== this.#device) return;
    try {
      model[Symbol.dispose]();
    } catch (error) {
      this.#options.onNotice(`${name}: the model opened before can't be given back: ${sentenceOf(error)}`);
    }
  }

  #isDeviceLost(): boolean {
    try {
      this.#device.check();
      return false;
    } catch {
      return true;
    }
  }

  /** After an error of the GPU's: memory that ran out once leaves it in use, anything else does not. */
  #onGpuError(error: unknown): void {
    if (this.#failure === null && this.#isDeviceLost()) this.#recover(sentenceOf(error));
  }

  #recover(why: string): void {
    this.#failure = "the GPU failed and is being opened again";
    this.#metrics.failures.add();
    this.#options.onNotice(`The GPU failed and is being opened again: ${why}`);
    this.#recovering = this.#openAgain();
  }

  /** A new device with all models, however long it takes. */
  async #openAgain(): Promise<void> {
    const { onNotice } = this.#options, { signal } = this.#stop;
    const failed = new AbortController(); // when all that waited has failed
    Promise.all(this.all.map(({ queue }) => queue.idle())).then(() => failed.abort());
    await wait(LAST_WORK, AbortSignal.any([signal, failed.signal]));
    this.#device.close();
    for (let next = FIRST_PAUSE; !signal.aborted; next = Math.min(2 * next, LAST_PAUSE)) {
      let device: D | undefined;
      try {
        device = await this.#backend.openDevice();
        const places: Place[] = [];
        for (const { name, path } of this.#places) places.push(await this.#open(name, path, device));
        this.#device = device;
        this.#places = places;
        this.#failure = null;
        return onNotice("The GPU is in use again");
      } catch (error) {
        device?.close();
        onNotice(
          `The GPU and its models can't be opened again, next try in ${next / 1000} s: ${sentenceOf(error)}`,
        );
      }
      await wait(next, signal);
    }
  }
}

/** Names of models: the folder's of RUN/model.safetensors, else the file's without its ending; numbered where they are the same. */
export function namesOf(paths: readonly string[]): string[] {
  const taken = new Set<string>();
  return paths.map((path) => {
    const full = resolve(path), stem = basename(full).replace(/\.[^.]*$/, "");
    const own = (stem === "model" ? basename(dirname(full)) : stem) || "model";
    let name = own;
    for (let copy = 2; taken.has(name); copy++) name = `${own}-${copy}`;
    taken.add(name);
    return name;
  });
}

function isGpuFailure(error: unknown): boolean {
  return error instanceof GpuError || error instanceof KernelError;
}

function gpuRefusal(reason: string): Refusal {
  return new Refusal(503, `Expected a working GPU, but ${reason}`, { "retry-after": RETRY });
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
