/**
 * How often a kernel may loop.
 *
 * @module
 */

/**
 * Iterations of all loops of a thread together, at most. llvmpipe (Mesa 22.3) leaves every loop after 65535 without a word,
 * and results are wrong; nested loops count each time, the check that ends a loop counts too, and so do iterations of the threads that
 * run in the same lanes.
 */
export const MOST_ITERATIONS = 65_000;
