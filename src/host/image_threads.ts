/**
 * Image files to what a model looks at, and to pictures, in threads: they work while the GPU keeps the main thread waiting
 * (Deno polls the device without giving way). Jobs are handed over as they come, as there is nobody to do so meanwhile.
 *
 * @module
 */
import type { Frame, Piece } from "../data/frame.ts";
import type { Images, Picture, Preview } from "../data/images.ts";
import { InputError } from "../errors.ts";
import { isCifar } from "./cifar_images.ts";
import { readWhole } from "./files.ts";
import { files, pictureOf } from "./image_files.ts";
import { type DrawJob, longestSide, type Looked, type LookJob, previewOf } from "./image_job.ts";
import type { Answer, Job } from "./image_worker.ts";

/** Bytes of image files that wait in threads; no other is read above it. */
const MOST_WAITING = 2 ** 28;

interface Waiting {
  bytes: number;
  settle: PromiseWithResolvers<Exclude<Answer, { error: string }>>;
}

interface Thread {
  worker: Worker;
  waiting: Waiting[];
}

/** Files on a disk, as `files`, but decoded and resized in threads where images are looked at whole. */
export class ImageThreads implements Images, Disposable {
  readonly mask = files.mask;
  readonly #previews: boolean;
  readonly #threads: Thread[];
  #room = Promise.withResolvers<void>();
  #failure: Error | null = null;

  /** @param previews whether there will be heat maps: an image is decoded once for both then */
  constructor(
    previews: boolean,
    count: number = Math.min(Math.max(navigator.hardwareConcurrency - 1, 1), 4),
  ) {
    this.#previews = previews;
    this.#threads = Array.from({ length: count }, () => this.#start());
  }

  /** Finds an image; waits while too many bytes are with the threads. */
  async open(path: string): Promise<Picture> {
    if (isCifar(path)) return await files.open(path);
    while (this.#threads.some(({ waiting }) => sumOf(waiting) > MOST_WAITING / this.#threads.length)) {
      await this.#room.promise;
    }
    const bytes = await readWhole(path), picture = await pictureOf(bytes, path);
    let looked: Promise<Looked> | undefined;
    const lookAt = (frame: Frame, piece: Piece | null): Promise<Looked> => {
      const preview = [frame.S, longestSide(frame.S, frame.map)] as const;
      return looked ??= this.#look({
        bytes,
        name: path,
        cut: piece && { frame, piece },
        preview: this.#previews || !piece ? preview : null,
      });
    };
    return {
      ...picture,
      cut: async (frame, piece) => (await lookAt(frame, piece)).pixels!,
      preview: this.#previews ? async (frame) => (await lookAt(frame, null)).preview! : undefined,
    };
  }

  /** Draws a picture, a PNG file. */
  async draw(job: DrawJob): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#ask({ draw: job }, 0) as { file: Uint8Array<ArrayBuffer> }).file;
  }

  /** The small picture of a file. @throws {InputError} where it can't be read */
  async preview(path: string, S: number, most: number): Promise<Preview> {
    if (isCifar(path)) return previewOf(await (await files.open(path)).decode(), S, most);
    const bytes = await readWhole(path);
    return (await this.#look({ bytes, name: path, cut: null, preview: [S, most] })).preview!;
  }

  /** Ends all threads; what was not done is rejected. */
  [Symbol.dispose](): void {
    this.#failure = new Error("Expected threads in use, but found some that were disposed of");
    for (const thread of this.#threads) this.#end(thread, this.#failure);
  }

  async #look(job: LookJob): Promise<Looked> {
    return (await this.#ask({ look: job }, job.bytes.length) as { looked: Looked }).looked;
  }

  #ask(job: Job, bytes: number): Promise<Exclude<Answer, { error: string }>> {
    if (this.#failure) return Promise.reject(this.#failure);
    const settle = Promise.withResolvers<Exclude<Answer, { error: string }>>();
    settle.promise.catch(() => {}); // it is told to whoever waits, if anybody does
    const thread = this.#threads.reduce((a, b) => b.waiting.length < a.waiting.length ? b : a);
    thread.waiting.push({ bytes, settle });
    thread.worker.postMessage(job);
    return settle.promise;
  }

  #start(): Thread {
    const worker = new Worker(new URL("./image_worker.ts", import.meta.url), {
      type: "module",
      name: "images",
    });
    const thread: Thread = { worker, waiting: [] };
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const { settle } = thread.waiting.shift()!;
      if ("error" in data) settle.reject(data.isInput ? new InputError(data.error) : new Error(data.error));
      else settle.resolve(data);
      this.#makeRoom();
    };
    worker.onerror = (event) => {
      event.preventDefault(); // or it would end the program
      this.#failure = new Error(`A thread that decodes failed: ${event.message}`);
      this.#end(thread, this.#failure);
    };
    return thread;
  }

  #end(thread: Thread, error: Error): void {
    thread.worker.terminate();
    for (const { settle } of thread.waiting.splice(0)) settle.reject(error);
    this.#makeRoom();
  }

  #makeRoom(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}

function sumOf(waiting: readonly Waiting[]): number {
  return waiting.reduce((sum, { bytes }) => sum + bytes, 0);
}
