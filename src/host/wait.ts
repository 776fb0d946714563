/**
 * Waiting that a signal ends.
 *
 * @module
 */

/** Waits. @returns false, early, where the signal is aborted */
export function wait(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const done = (isWhole: boolean): void => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    resolve(isWhole);
  };
  const timer = setTimeout(() => done(true), milliseconds), abort = (): void => done(false);
  signal.addEventListener("abort", abort);
  return promise;
}
