/**
 * Image files to pixels in a few threads: the GPU's work keeps the main thread from doing anything else (Deno polls the device
 * without giving way), and a decoder that hangs can be ended.
 *
 * @module
 */
import type { Image } from "../data/image.ts";
import { InputError } from "../errors.ts";
import type { Decoded, DecodeJob } from "./decode_worker.ts";
import { Refusal } from "./refusal.ts";

/** How to decode. */
export interface DecoderOptions {
  /** Pixels of an image at most. */
  maxPixels: number;
  /** Threads; by default one less than there are processors, 4 at most. */
  threads?: number;
  /** Seconds that an image may take; 30 by default. */
  seconds?: number;
}

/** A file that waits for a thread. */
interface Job extends DecodeJob {
  settle: PromiseWithResolvers<Image>;
}

/** A thread, and the file that it is at. */
interface Thread {
  worker: Worker;
  job: Job | null;
  timer?: ReturnType<typeof setTimeout>;
}

/** Decodes files in the order in which they come. */
export class Decoder implements Disposable {
  readonly #options: Required<DecoderOptions>;
  #threads: Thread[] = [];
  #waiting: Job[] = [];

  /** Threads are started when they are needed. */
  constructor(options: DecoderOptions) {
    const threads = Math.min(Math.max(navigator.hardwareConcurrency - 1, 1), 4);
    this.#options = { threads, seconds: 30, ...options };
  }

  /**
   * Decodes a file.
   *
   * @param name what errors call it
   * @param signal takes it out of those that wait; one that has begun is decoded for nobody
   * @throws {InputError} where it is no image that can be read
   * @throws {Refusal} 413 where it has too many pixels
   */
  async decode(bytes: Uint8Array<ArrayBuffer>, name: string, signal?: AbortSignal): Promise<Image> {
    signal?.throwIfAborted();
    const job = { bytes, name, maxPixels: this.#options.maxPixels, settle: Promise.withResolvers<Image>() };
    const abort = (): void => {
      this.#waiting = this.#waiting.filter((other) => other !== job);
      job.settle.reject(signal!.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.push(job);
    this.#next();
    try {
      return await job.settle.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Ends all threads; what was not done is rejected. */
  [Symbol.dispose](): void {
    const left = [...this.#waiting, ...this.#threads.flatMap(({ job }) => job ?? [])];
    for (const thread of this.#threads) this.#end(thread);
    this.#waiting = [];
    for (const { settle } of left) {
      settle.reject(new Error("Expected a decoder in use, but found one that was disposed of"));
    }
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    let thread = this.#threads.find(({ job }) => job === null);
    if (!thread && this.#threads.length < this.#options.threads) thread = this.#start();
    if (!thread) return;
    const job = thread.job = this.#waiting.shift()!,
      { bytes, name, maxPixels } = job,
      { seconds } = this.#options;
    thread.timer = setTimeout(() => {
      this.#fail(
        thread,
        new InputError(`Expected to read ${name} within ${seconds} seconds, but it is not done`),
      );
    }, seconds * 1000);
    thread.worker.postMessage({ bytes, name, maxPixels } satisfies DecodeJob);
  }

  #start(): Thread {
    const worker = new Worker(new URL("./decode_worker.ts", import.meta.url), {
      type: "module",
      name: "decoder",
    });
    const thread: Thread = { worker, job: null };
    worker.onmessage = ({ data }: MessageEvent<Decoded>) => {
      const job = thread.job!;
      clearTimeout(thread.timer);
      thread.job = null;
      if ("image" in data) job.settle.resolve(data.image);
      else job.settle.reject(errorOf(data));
      this.#next();
    };
    worker.onerror = (event) => {
      event.preventDefault(); // or it would end the program
      this.#fail(thread, new Error(`The thread that decodes failed: ${event.message}`));
    };
    this.#threads.push(thread);
    return thread;
  }

  /** A thread can't go on: another takes its place. */
  #fail(thread: Thread, error: Error): void {
    this.#end(thread);
    thread.job?.settle.reject(error);
    this.#next();
  }

  #end(thread: Thread): void {
    clearTimeout(thread.timer);
    thread.worker.terminate();
    this.#threads = this.#threads.filter((other) => other !== thread);
  }
}

function errorOf({ error, kind }: Exclude<Decoded, { image: Image }>): Error {
  return kind === "unread"
    ? new InputError(error)
    : kind === "too-large"
    ? new Refusal(413, error)
    : new Error(error);
}
