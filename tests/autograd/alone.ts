/**
 * Checks that an image's result does not depend on what else is in the batch.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Tape } from "../../src/autograd/tape.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { fill } from "../fill.ts";

/**
 * Fails where an image alone gives other bits than in company.
 *
 * @param shape [B, H, W, C], of which the last image is looked at
 */
export async function assertSameAlone(
  on: Gpu,
  [B, ...shape]: readonly number[],
  run: (tape: Tape, x: Tensor) => Tensor,
): Promise<void> {
  const size = shape.reduce((a, b) => a * b), x = fill("x", B * size);
  const tape = new Tape(on, { record: false });
  const [all, alone] = await on.stream.read(
    run(tape, on.tensor(x, [B, ...shape])),
    run(tape, on.tensor(x.subarray((B - 1) * size), [1, ...shape])),
  );
  assert.deepEqual(alone, all.subarray((B - 1) * all.length / B));
}
