/**
 * Whose turn it is: work that must not overlap comes one after the other, in the order in which it asked.
 *
 * @module
 */

/** A queue of one place. */
export class Turns {
  #last: Promise<void> = Promise.resolve(); // until the last one who asked has ended
  #entering = false; // whether the one whose turn it is has not yet given way

  /**
   * Waits for its turn, then works.
   *
   * @param signal ends the waiting, but not the work
   * @throws {Error} where it is called by work that has not awaited anything yet; after that it would wait for ever
   */
  async take<T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#entering) {
      throw new Error("Expected no step within a step: compute in the scope that is at hand");
    }
    const before = this.#last, { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      await unlessAborted(before, signal);
    } catch (error) {
      before.then(resolve);
      throw error;
    }
    try {
      return await this.#enter(work);
    } finally {
      resolve();
    }
  }

  #enter<T>(work: () => T | Promise<T>): T | Promise<T> {
    this.#entering = true;
    try {
      return work();
    } finally {
      this.#entering = false;
    }
  }
}

/** Waits for `promise`. @throws the signal's reason where that is aborted meanwhile, or is already */
async function unlessAborted(promise: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (!signal) return await promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
