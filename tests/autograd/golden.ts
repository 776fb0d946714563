/**
 * Ops against tests/golden/ops_losses.py: results and gradients that PyTorch found.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Tape } from "../../src/autograd/tape.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { float32Of } from "../../src/formats/tensor_file.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { fill } from "../fill.ts";
import { variants } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";
import { weighted } from "./check.ts";

const { tensors } = await readSafetensors(
  new URL("../golden/ops_losses.safetensors", import.meta.url).pathname,
);
const stored = (name: string): Float32Array => float32Of(tensors.get(name)!);

/** Where an input's values are between, and its shape. */
export type Range = readonly [shape: readonly number[], low: number, high: number];

/** Fails where the op's result or gradients of a case are not PyTorch's, on either kind of adapter. */
export async function meetsGolden<Name extends string>(
  name: string,
  inputs: Record<Name, Range>,
  op: (tape: Tape, x: Record<Name, Tensor>) => Tensor,
  tolerance = 1e-6,
): Promise<void> {
  for (const [variant, on] of Object.entries(variants)) {
    await on.step(async (on) => {
      const x = {} as Record<Name, Tensor>;
      for (const key in inputs) {
        const [shape, low, high] = inputs[key];
        x[key] = on.tensor(fill(`${name}.${key}`, shape.reduce((a, b) => a * b), low, high), shape);
        x[key].requiresGrad = true;
      }
      const tape = new Tape(on), y = op(tape, x);
      tape.backward(y.size === 1 ? y : weighted(tape, y, fill(`${name}.dy`, y.size)));
      const keys = Object.keys(x) as Name[];
      const [result, ...gradients] = await on.stream.read(y, ...keys.map((key) => tape.gradient(x[key])));
      assert.equal(result.length, stored(name).length);
      assertClose(result, stored(name), tolerance, `${name} (${variant}):`);
      gradients.forEach((gradient, i) =>
        assertClose(gradient, stored(`${name}.${keys[i]}`), tolerance, `∂${keys[i]} of ${name} (${variant}):`)
      );
    });
  }
}

/** The whole numbers of golden/ops_losses.py for a case's labels. */
export function labels(name: string, B: number, K: number): Uint32Array {
  return Uint32Array.from(fill(`${name}.labels`, B, 0, K));
}
