/**
 * Normalisation, pooling and interpolation of maps against PyTorch's, with gradients: tests/golden/ops_maps.py.
 *
 * @module
 */
import { batchNorm, instanceNorm } from "../../src/autograd/norms.ts";
import { averagePool, maxPool } from "../../src/autograd/pooling.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { upsample } from "../../src/autograd/upsample.ts";
import type { Compute } from "../../src/gpu/compute.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose, readGolden } from "../reference/backbone.ts";
import { weighted } from "./check.ts";

const golden = readGolden("ops_maps.safetensors");

const expect = (name: string, found: ArrayLike<number>): void =>
  assertClose(found, golden[name], 2e-6, `${name}:`);

/** A leaf with the script's numbers. */
function leaf(on: Compute, name: string, shape: readonly number[], low = -1, high = 1): Tensor {
  const tensor = on.tensor(fill(name, shape.reduce((a, b) => a * b), low, high), shape);
  tensor.requiresGrad = true;
  return tensor;
}

/** What an op makes of its inputs, and their gradients, are PyTorch's. */
async function meets(
  on: Compute,
  name: string,
  dy: string,
  inputs: Record<string, Tensor>,
  op: (tape: Tape) => Tensor,
): Promise<void> {
  const tape = new Tape(on), y = op(tape);
  tape.backward(weighted(tape, y, fill(dy, y.size)));
  expect(`${name}.y`, await on.read(y));
  for (const key in inputs) expect(`${name}.d${key}`, await on.read(tape.gradient(inputs[key])));
}

const affineOf = (on: Compute, name: string, C: number) => ({
  weight: leaf(on, `${name}.weight`, [C]),
  bias: leaf(on, `${name}.bias`, [C]),
});

for (const [name, shape] of [["batch2d", [3, 4, 5, 6]], ["batch1d", [7, 8]]] as const) {
  Deno.test(`${name}: two training steps and evaluation meet PyTorch's`, async () => {
    await gpu.step(async (on) => {
      const C = shape[shape.length - 1],
        affine = affineOf(on, name, C),
        x = leaf(on, `${name}.x`, shape, -2, 3);
      const running = {
        mean: on.tensor(new Float32Array(C)),
        variance: on.tensor(new Float32Array(C).fill(1)),
      };
      const before = leaf(on, `${name}.before`, shape, -3, 1), inputs = { x, ...affine }, dy = `${name}.dy`;
      batchNorm(new Tape(on), before, affine, running, { training: true });
      await meets(on, name, dy, inputs, (tape) => batchNorm(tape, x, affine, running, { training: true }));
      expect(`${name}.mean`, await on.read(running.mean));
      expect(`${name}.variance`, await on.read(running.variance));
      const evaluate = (tape: Tape) => batchNorm(tape, x, affine, running, { training: false });
      await meets(on, `${name}.eval`, dy, inputs, evaluate);
    });
  });
}

const OPS: Record<string, [number[], (tape: Tape, x: Tensor) => Tensor]> = {
  "max": [[2, 7, 8, 4], (tape, x) => maxPool(tape, x, 3, { stride: 2, padding: 1 })],
  "max2": [[1, 5, 6, 3], (tape, x) => maxPool(tape, x, 2)],
  "average": [[2, 7, 6, 3], (tape, x) => averagePool(tape, x, 3, { stride: 2, padding: 1 })],
  "average4": [[1, 9, 8, 4], (tape, x) => averagePool(tape, x, 4, { stride: 1, padding: 2 })],
};
for (const [size, to] of [["larger", [9, 14]], ["smaller", [3, 2]]] as const) {
  OPS[`nearest.${size}`] = [[2, 4, 7, 4], (tape, x) => upsample(tape, x, to, "nearest")];
  OPS[`bilinear.${size}`] = [[2, 4, 7, 4], (tape, x) => upsample(tape, x, to, "bilinear")];
  OPS[`aligned.${size}`] = [
    [2, 4, 7, 4],
    (tape, x) => upsample(tape, x, to, "bilinear", { alignCorners: true }),
  ];
}

Deno.test("instance normalisation, pooling and interpolation meet PyTorch's", async () => {
  await gpu.step(async (on) => {
    const affine = affineOf(on, "instance", 4), x = leaf(on, "instance.x", [2, 3, 5, 4], -2, 3);
    await meets(on, "instance", "instance.dy", { x, ...affine }, (tape) => instanceNorm(tape, x, affine));
    for (const [name, [shape, op]] of Object.entries(OPS)) {
      const x = leaf(on, `${name}.x`, shape, -2, 3);
      await meets(on, name, `${name}.dy`, { x }, (tape) => op(tape, x));
    }
  });
});
