/**
 * One model, many callers: images that are asked for one by one are joined into batches for the GPU, and what is more than a
 * bounded number is refused at once, so that neither memory nor waiting grows without end.
 *
 * @module
 */
import type { Image } from "../data/image.ts";
import { InputError } from "../errors.ts";
import type { Verdict } from "./verdict.ts";

/** What scores images together: a model. */
export interface Scoring {
  /** Verdicts in the order of the images. @param names what errors call them */
  scoreBatch(images: readonly Image[], names: readonly string[]): Promise<Verdict[]>;
}

/** How to queue. */
export interface ScoringQueueOptions {
  /** Images that are scored together at most. */
  batch: number;
  /** Images that wait or are being scored at most; more are refused. */
  most: number;
  /**
   * Told of every batch when it is done or has failed: its images, and the seconds it took. What it throws stops nothing, and is
   * reported as an event listener's error is.
   */
  onBatch?: (images: number, seconds: number) => void;
}

/** What goes with an image. */
export interface QueuedOptions {
  /** What errors call it. */
  name?: string;
  /** Ends the waiting; a batch that it is already part of goes on without it. */
  signal?: AbortSignal;
}

/** The queue has no room: nothing was done, and the same call may do later. */
export class QueueFull extends Error {
  /** The class, as a stack trace shows it. */
  override name = "QueueFull";
}

/** An image that waits. */
interface Entry {
  open: () => Image | Promise<Image>;
  /** Set when its opening has begun. */
  begun: boolean;
  /** Set when it is open. */
  image?: Image;
  name: string;
  settle: PromiseWithResolvers<Verdict>;
}

/** Images on their way through a model, in the order in which they came. */
export class ScoringQueue {
  readonly #model: Scoring;
  readonly #options: ScoringQueueOptions;
  #waiting: Entry[] = [];
  #batch: Entry[] = [];
  #working = false;
  #whenEmpty: (() => void)[] = [];

  /** A queue before a model, which is not disposed of with it. @throws {RangeError} where `batch` or `most` is no whole number from 1 on */
  constructor(model: Scoring, options: ScoringQueueOptions) {
    for (const name of ["batch", "most"] as const) {
      const value = options[name];
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new RangeError(`Expected ${name} to be a whole number from 1 on, but found ${value}`);
      }
    }
    this.#model = model;
    this.#options = options;
  }

  /** Images that wait or are being scored. */
  get length(): number {
    return this.#waiting.length + this.#batch.length;
  }

  /** Images that would be taken now. */
  get room(): number {
    return this.#options.most - this.length;
  }

  /**
   * Scores an image when its turn comes.
   *
   * @param image pixels, or what gives them: it is asked when a batch before is being scored, so that no more than two
   *   batches of pixels are in memory and decoding overlaps with the GPU's work
   * @throws {QueueFull} where `most` images wait or are being scored
   * @throws the signal's reason where that is aborted; what `image` throws; what the model throws. An image that the model
   *   refuses with an `InputError` fails alone, whatever it was joined with
   */
  async score(
    image: Image | (() => Image | Promise<Image>),
    { name = "the image", signal }: QueuedOptions = {},
  ): Promise<Verdict> {
    signal?.throwIfAborted();
    const { most } = this.#options;
    if (this.room <= 0) throw new QueueFull(`Expected at most ${most} images to wait, but found one more`);
    const entry: Entry = {
      open: typeof image === "function" ? image : () => image,
      begun: false,
      name,
      settle: Promise.withResolvers(),
    };
    const abort = (): void => this.#drop(entry, signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.push(entry);
    this.#openAhead();
    try {
      return await entry.settle.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Waits until nothing waits or is being scored. */
  async idle(): Promise<void> {
    if (this.length > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Begins to open as many images as a batch has, from the front. */
  #openAhead(): void {
    for (const entry of this.#waiting.slice(0, this.#options.batch)) {
      if (!entry.begun) this.#open(entry);
    }
  }

  async #open(entry: Entry): Promise<void> {
    entry.begun = true;
    try {
      entry.image = await entry.open();
      this.#work();
    } catch (error) {
      this.#drop(entry, error);
    }
  }

  /** Takes an image out of those that wait. One that is being scored stays in its batch, though nobody waits for it. */
  #drop(entry: Entry, reason: unknown): void {
    entry.settle.reject(reason);
    this.#waiting = this.#waiting.filter((other) => other !== entry);
    this.#openAhead();
    this.#tellEmpty();
  }

  /** Scores batch after batch until no image is ready; what becomes ready later begins anew. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    const isReady = ({ image }: Entry): boolean => image !== undefined;
    while (this.#waiting.some(isReady)) {
      await new Promise((resolve) => setTimeout(resolve)); // what came while the GPU kept events waiting joins
      this.#batch = this.#waiting.filter(isReady).slice(0, this.#options.batch);
      if (this.#batch.length === 0) continue; // all were aborted
      this.#waiting = this.#waiting.filter((entry) => !this.#batch.includes(entry));
      this.#openAhead();
      await this.#scoreBatch();
      this.#batch = [];
      this.#tellEmpty();
    }
    this.#working = false;
  }

  async #scoreBatch(): Promise<void> {
    const batch = this.#batch, started = performance.now();
    await this.#scoreTogether(batch);
    try {
      this.#options.onBatch?.(batch.length, (performance.now() - started) / 1000);
    } catch (error) {
      reportError(error);
    }
  }

  async #scoreTogether(entries: readonly Entry[]): Promise<void> {
    try {
      const verdicts = await this.#model.scoreBatch(
        entries.map(({ image }) => image!),
        entries.map(({ name }) => name),
      );
      entries.forEach(({ settle }, i) => settle.resolve(verdicts[i]));
    } catch (error) {
      if (error instanceof InputError && entries.length > 1) { // one of them is refused: which?
        for (const entry of entries) await this.#scoreTogether([entry]);
      } else entries.forEach(({ settle }) => settle.reject(error));
    }
  }

  #tellEmpty(): void {
    if (this.length === 0) this.#whenEmpty.splice(0).forEach((resolve) => resolve());
  }
}
