/**
 * Looking ahead: what comes one after another is asked for before it is needed, so that others can be at it meanwhile.
 *
 * @module
 */

/**
 * The same in the same order, with some of them held back.
 *
 * @param most how many are held back when this one has come; 0 lets all go
 */
export async function* ahead<T>(all: AsyncIterable<T>, most: (next: T) => number): AsyncGenerator<T> {
  const queue: T[] = [];
  for await (const next of all) {
    queue.push(next);
    while (queue.length > most(next)) yield queue.shift()!;
  }
  yield* queue;
}
