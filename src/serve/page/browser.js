// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Scoring by this browser: in a worker, so that the page answers meanwhile; on the page itself where workers have no WebGPU.
 *
 * @module
 */

/** @import { ModelInfo, Scored, Scorer, Site } from "./types.js" */

/**
 * @typedef {{ open(site: Site): Promise<ModelInfo>, score(image: Blob): Promise<Scored>, picture(image: Blob): Promise<ImageBitmap> }} Library
 */

/**
 * Opens the model beside the page.
 *
 * @param {Site} site @param {(what: string) => void} onProgress
 * @returns {Promise<Scorer>}
 */
export async function openInBrowser(site, onProgress) {
  if (!isSecureContext) {
    throw new Error(
      "Browsers score on pages from https addresses and from localhost only; this one is from elsewhere.",
    );
  }
  onProgress("The model is being loaded …");
  const worker = new WorkerLibrary();
  if (await worker.hasGpu()) return new BrowserScorer(worker, await worker.open(site));
  worker.end();
  const library = await import("./library.js");
  if (await library.hasGpu()) return new BrowserScorer(library, await library.open(site));
  throw new Error(
    "This browser has no WebGPU here, which scoring needs. Current Chrome, Edge, Safari and Firefox have it on most " +
      "machines; it may have to be switched on in their settings. `adtr serve` scores without it.",
  );
}

/** @implements {Scorer} */
class BrowserScorer {
  where = "scored in this browser";
  privacy = "Images stay in this browser.";
  atOnce = 1;
  #library;

  /** @param {Library} library @param {ModelInfo} model */
  constructor(library, model) {
    this.#library = library;
    this.models = [model];
  }

  /** @param {Blob} image @param {string} _model @param {AbortSignal} signal */
  async score(image, _model, signal) {
    signal.throwIfAborted();
    return await this.#library.score(image);
  }

  /** @param {Blob} image */
  picture(image) {
    return this.#library.picture(image);
  }
}

/** The library in a worker: calls become messages. @implements {Library} */
class WorkerLibrary {
  #worker = new Worker("worker.js", { type: "module" });
  /** @type {Map<number, PromiseWithResolvers<any>>} */
  #waiting = new Map();
  #calls = 0;

  constructor() {
    this.#worker.addEventListener("message", ({ data: { call, result, error } }) => {
      const answer = this.#waiting.get(call);
      this.#waiting.delete(call);
      if (error === undefined) answer?.resolve(result);
      else answer?.reject(new Error(error));
    });
    this.#worker.addEventListener("error", ({ message }) => {
      for (const answer of this.#waiting.values()) {
        answer.reject(new Error(message || "Scoring could not be started."));
      }
      this.#waiting.clear();
    });
  }

  /** @returns {Promise<boolean>} */
  hasGpu() {
    return this.#call("hasGpu");
  }

  /** @param {Site} site @returns {Promise<ModelInfo>} */
  open(site) {
    return this.#call("open", site);
  }

  /** @param {Blob} image @returns {Promise<Scored>} */
  score(image) {
    return this.#call("score", image);
  }

  /** @param {Blob} image @returns {Promise<ImageBitmap>} */
  picture(image) {
    return this.#call("picture", image);
  }

  end() {
    this.#worker.terminate();
  }

  /** @param {string} what @param {unknown} [argument] */
  #call(what, argument) {
    const call = this.#calls++, answer = /** @type {PromiseWithResolvers<any>} */ (Promise.withResolvers());
    this.#waiting.set(call, answer);
    this.#worker.postMessage({ call, what, argument });
    return answer.promise;
  }
}
