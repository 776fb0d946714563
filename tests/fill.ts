/**
 * Parameters and inputs for tests that need not be stored: entry i of the tensor `name` is a hash of both, so
 * that tests/golden/fill.py gives PyTorch the same numbers.
 *
 * @module
 */
import { fnv1a, mix32 } from "../src/hash.ts";

/** Uniform in [low, high), float32. */
export function fill(name: string, count: number, low = -1, high = 1): Float32Array<ArrayBuffer> {
  const key = fnv1a(name);
  return Float32Array.from(
    { length: count },
    (_, i) => low + (high - low) * (mix32((key + i) >>> 0) / 2 ** 32),
  );
}
