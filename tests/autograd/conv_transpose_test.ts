import assert from "node:assert/strict";
import { convTranspose, type ConvTransposeOptions } from "../../src/autograd/conv_transpose.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { hardware, variants } from "../hardware.ts";
import { activations, derivatives } from "../reference/backbone.ts";
import * as reference from "../reference/conv.ts";
import { columnSums } from "../reference/training.ts";
import { assertSameAlone } from "./alone.ts";
import { backwardDispatches, checkOp, type Op } from "./check.ts";

type Inputs = "x" | "weight" | "bias";
type Sizes = [B: number, H: number, W: number, C: number, O: number, k: number];

function op([B, H, W, C, O, k]: Sizes, options: ConvTransposeOptions = {}): Op<Inputs> {
  const { stride = 1, padding = 0, outputPadding = 0, act = "none" } = options;
  const name = typeof act === "string" ? act : "leaky";
  const [outH, outW] = [H, W].map((n) => (n - 1) * stride - 2 * padding + k + outputPadding);
  const sizes = reference.padded({ B, H: outH, W: outW, C: O, O: C, k, stride, padding });
  return {
    inputs: { x: [B, H, W, C], weight: [C, O, k, k], bias: [O] },
    run: (tape, { x, weight, bias }) => convTranspose(tape, x, weight, bias, options),
    forward: ({ x, weight, bias }) => reference.transpose(x, weight, bias, sizes).map(activations[name]),
    backward(dy, { x, weight, bias }) {
      const z = reference.transpose(x, weight, bias, sizes);
      const dz = z.map((z, i) => dy[i] * derivatives[name](z));
      const { dweight } = reference.convolveBackward(x, dz, weight, sizes);
      return { x: reference.convolve(dz, weight, null, sizes), weight: dweight, bias: columnSums(dz, O) };
    },
  };
}

const CASES: [Sizes, ConvTransposeOptions][] = [
  [[1, 1, 1, 1, 1, 1], {}],
  [[2, 3, 2, 4, 8, 4], { stride: 2, padding: 1 }],
  [[1, 2, 3, 4, 3, 4], { stride: 2, padding: 1 }], // to a picture
  [[1, 3, 2, 3, 4, 4], { stride: 2, padding: 1 }],
  [[2, 3, 4, 4, 4, 3], { padding: 1 }],
  [[1, 2, 3, 3, 2, 5], {}],
  [[1, 3, 3, 4, 4, 5], { stride: 2, padding: 2, outputPadding: 1 }],
  [[1, 3, 5, 2, 3, 3], { stride: 2, padding: 1, outputPadding: 1 }],
  [[1, 3, 2, 2, 4, 3], { stride: 2 }],
  [[2, 2, 3, 4, 2, 2], { stride: 2 }],
  [[1, 3, 4, 4, 4, 1], { stride: 2 }], // some of the result is the bias alone
  [[1, 2, 1, 4, 4, 7], {}],
  [[1, 4, 3, 2, 2, 7], { stride: 2, padding: 3 }],
  [[1, 5, 6, 4, 4, 3], { padding: 2 }], // less than x has
  [[1, 3, 8, 36, 20, 2], {}], // more channels than a thread has
];

for (const [sizes, options] of CASES) {
  Deno.test(`transposed convolution [${sizes}] ${JSON.stringify(options)}: result and gradients`, async () => {
    await checkOp(op(sizes, options));
  });
}

Deno.test("transposed convolution on hardware: result and gradients", async () => {
  await checkOp({ ...op([2, 3, 3, 4, 4, 4], { stride: 2, padding: 1 }), on: hardware });
});

for (const act of ["relu", "silu", "sigmoid", "tanh", { leaky: 0.1 }] as const) {
  Deno.test(`transposed convolution with ${JSON.stringify(act)}: result and gradients`, async () => {
    await checkOp(op([1, 2, 3, 4, 3, 4], { stride: 2, padding: 1, act }));
  });
}

Deno.test("transposed convolution without a bias", async () => {
  const whole = op([2, 3, 5, 4, 4, 3], { stride: 2, padding: 1 });
  const { forward, backward } = whole, none = new Float64Array(4);
  await checkOp<"x" | "weight">({
    inputs: { x: whole.inputs.x, weight: whole.inputs.weight },
    run: (tape, { x, weight }) => convTranspose(tape, x, weight, null, { stride: 2, padding: 1 }),
    forward: (x) => forward({ ...x, bias: none }),
    backward: (dy, x) => backward(dy, { ...x, bias: none }),
  });
});

Deno.test("a transposed convolution's result for an image does not depend on the batch", async () => {
  for (const [C, O, k, stride] of [[16, 12, 7, 1], [32, 3, 4, 2], [4, 24, 3, 1], [7, 5, 5, 2]]) {
    const weight = fill("weight", C * O * k * k);
    for (const on of Object.values(variants)) {
      await assertSameAlone(
        on,
        [5, 7, 9, C],
        (tape, x) => convTranspose(tape, x, on.tensor(weight, [C, O, k, k]), null, { stride, padding: 1 }),
      );
    }
  }
});

Deno.test("a frozen input of a transposed convolution costs nothing", async () => {
  const layer = op([1, 2, 2, 4, 4, 4], { stride: 2, padding: 1 });
  const all = await backwardDispatches(layer);
  for (const frozen of ["x", "weight", "bias"] as const) {
    assert.ok(await backwardDispatches(layer, frozen) < all, frozen);
  }
});

Deno.test("a transposed convolution refuses what does not fit, and what it can't do", () => {
  const tape = new Tape(gpu), bias = gpu.empty([4]);
  const refuses = (x: number[], weight: number[], options: ConvTransposeOptions, message: RegExp) =>
    assert.throws(() => convTranspose(tape, gpu.empty(x), gpu.empty(weight), bias, options), {
      name: "RangeError",
      message,
    });
  const shapes = /^Expected maps \[B, H, W, C\], a weight \[C, O, k, k\] and a bias \[O\], but found \[/;
  refuses([1, 4, 3], [3, 4, 3, 3], {}, shapes);
  refuses([1, 5, 5, 3], [4, 3, 3, 3], {}, shapes);
  refuses([1, 5, 5, 3], [3, 5, 3, 3], {}, shapes);
  refuses([1, 5, 5, 3], [3, 4, 3, 5], {}, shapes);
  refuses([1, 9, 9, 3], [3, 4, 8, 8], {}, /a kernel of 1 to 7, .* but found 8, 1, 0 and 1$/);
  refuses([1, 5, 5, 3], [3, 4, 3, 3], { stride: 3 }, /but found 3, 3, 0 and 1$/);
  refuses([1, 5, 5, 3], [3, 4, 3, 3], { padding: -1 }, /but found 3, 1, -1 and 1$/);
  refuses([1, 5, 5, 3], [3, 4, 3, 3], { padding: 0.5 }, /but found 3, 1, 0.5 and 1$/);
  refuses([1, 5, 5, 3], [3, 4, 3, 3], { outputPadding: 1 }, /an output padding of 0 to 0, but found 1$/);
  refuses([1, 5, 5, 3], [3, 4, 3, 3], { stride: 2, outputPadding: -1 }, /of 0 to 1, but found -1$/);
  refuses([1, 1, 5, 3], [3, 4, 3, 3], { padding: 2 }, /something of the result, but found -1×3$/);
});
