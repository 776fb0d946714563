/**
 * Long work on the host that leaves signals and timers their turn.
 *
 * @module
 */

const WORK_MS = 100;

/**
 * A function to be awaited between pieces of work: now and then it gives way.
 *
 * @returns throws the signal's reason where that is aborted
 */
export function pauses(signal?: AbortSignal): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < WORK_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    last = performance.now();
  };
}
