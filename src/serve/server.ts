/**
 * The server from its first to its last request: opens models, listens, and stops when what it has taken is answered.
 *
 * @module
 */
import { Gpu } from "../gpu/gpu.ts";
import { InputError } from "../errors.ts";
import { reason } from "../host/files.ts";
import { openModel, type OpenModelPathOptions } from "../host/open_model.ts";
import { createApp } from "./app.ts";
import { Decoder } from "./decoder.ts";
import { Metrics } from "./metrics.ts";
import { type Backend, Models } from "./models.ts";
import { pageFiles } from "./page.ts";
import type { SecurityOptions } from "./security.ts";

/** How to serve. */
export interface ServeOptions extends SecurityOptions {
  /** Paths of the models' files; the first is the default. */
  models: readonly string[];
  /** Where to listen; 0 for any free port. */
  port: number;
  /** Images that are scored together at most. */
  batch: number;
  /** Images that wait for a model at most. */
  queue: number;
  /** Bytes of a body, and pixels of an image, at most. */
  maxBytes: number;
  maxPixels: number;
  /** Seconds in which a body has to be there. */
  bodySeconds: number;
  /** Of the program. */
  version: string;
  /** Where devices and models come from. */
  backend: Backend;
  /** Milliseconds between two looks at files and device; 1000 by default. */
  interval?: number;
  /** Takes a line about each request. */
  onAccess: (line: string) => void;
  /** Takes what whoever runs the server should know. */
  onNotice: (line: string) => void;
}

/** Milliseconds in which clients have to take their answers before a server that stops lets go of them. */
const GRACE = 2000;

/** A server that listens. */
export class Server implements AsyncDisposable {
  readonly #http: Deno.HttpServer<Deno.NetAddr>;
  readonly #models: Models;
  readonly #decoder: Decoder;
  /** Requests that are not answered yet. */
  readonly #open: ReadonlySet<Promise<Response>>;
  readonly #onStop: () => void;
  #stopped: Promise<void> | null = null;

  private constructor(
    http: Deno.HttpServer<Deno.NetAddr>,
    models: Models,
    decoder: Decoder,
    open: ReadonlySet<Promise<Response>>,
    onStop: () => void,
  ) {
    this.#http = http;
    this.#models = models;
    this.#decoder = decoder;
    this.#open = open;
    this.#onStop = onStop;
  }

  /**
   * Opens the models and listens.
   *
   * @throws {InputError} where a file is no model, or the address can't be listened at
   * @throws {GpuError} where there is no GPU
   */
  static async start(options: ServeOptions): Promise<Server> {
    const { models: paths, backend, host, port, queue, maxBytes, bodySeconds: seconds, version } = options;
    const { onAccess, onNotice } = options;
    let stopping = false;
    const metrics: Metrics = new Metrics(() =>
      models.all.map(({ name, queue }) => [{ model: name }, queue.length])
    );
    await using stack = new AsyncDisposableStack();
    const models = stack.use(await Models.open(paths, backend, options, metrics));
    const decoder = stack.use(new Decoder(options));
    const app = createApp({
      models,
      decoder,
      metrics,
      security: options,
      body: { maxBytes, seconds },
      queue,
      version,
      page: await pageFiles(),
      isStopping: () => stopping,
      onAccess,
      onFault: onNotice,
    });
    const open = new Set<Promise<Response>>();
    const handle = (request: Request, { remoteAddr: { hostname } }: Deno.ServeHandlerInfo<Deno.NetAddr>) => {
      const answer = Promise.resolve(app.fetch(request, { client: hostname })).finally(() =>
        open.delete(answer)
      );
      open.add(answer);
      return answer;
    };
    try {
      const http = Deno.serve({ hostname: host, port, onListen: () => {} }, handle);
      const server = new Server(http, models, decoder, open, () => stopping = true);
      stack.move(); // the server's from here on
      return server;
    } catch (error) {
      throw new InputError(`Can't listen at ${host}:${port}: ${reason(error)}`);
    }
  }

  /** Where it listens. */
  get address(): { host: string; port: number } {
    const { hostname, port } = this.#http.addr;
    return { host: hostname, port };
  }

  /** The names of its models, the default first. */
  get models(): string[] {
    return this.#models.all.map(({ name }) => name);
  }

  /** Takes nothing more, answers what it has taken, and gives everything back. */
  stop(): Promise<void> {
    return this.#stopped ??= this.#end();
  }

  async #end(): Promise<void> {
    this.#onStop(); // from here on requests are refused
    await Promise.allSettled(this.#open); // Deno's shutdown cuts bodies off that are still being received
    await within(this.#http.shutdown(), GRACE); // who sends without end, or takes no answer, is not waited for
    this.#decoder[Symbol.dispose]();
    await this.#models[Symbol.asyncDispose]();
  }

  /** {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Waits for a promise, but no longer than that. */
async function within(promise: Promise<void>, milliseconds: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>(), timer = setTimeout(resolve, milliseconds);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

/** Models from files, on the GPU. @param options for all of them: their backbone's weight file, unless that is built in */
export function fileBackend(options: OpenModelPathOptions = {}): Backend<Gpu> {
  return {
    openDevice: () => Gpu.open(),
    openModel: (gpu, path) => openModel(gpu, path, options),
    async stamp(path) {
      const info = await Deno.stat(path).catch(() => null);
      return info && `${info.mtime?.getTime()} ${info.size} ${info.ino}`;
    },
  };
}
