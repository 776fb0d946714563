import assert from "node:assert/strict";
import { conv, type ConvOptions } from "../../src/autograd/conv.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { hardware, variants } from "../hardware.ts";
import { activations, derivatives } from "../reference/backbone.ts";
import * as reference from "../reference/conv.ts";
import { assertSameAlone } from "./alone.ts";
import { backwardDispatches, checkOp, type Op } from "./check.ts";

type Inputs = "x" | "weight" | "bias";
type Sizes = [B: number, H: number, W: number, C: number, O: number, k: number];

function op([B, H, W, C, O, k]: Sizes, options: ConvOptions = {}): Op<Inputs> {
  const { act = "none", groups = 1 } = options, name = typeof act === "string" ? act : "leaky";
  const sizes = reference.padded({ B, H, W, C, O, k, ...options });
  return {
    inputs: { x: [B, H, W, C], weight: [O, C / groups, k, k], bias: [O] },
    run: (tape, { x, weight, bias }) => conv(tape, x, weight, bias, options),
    forward: ({ x, weight, bias }) => reference.convolve(x, weight, bias, sizes).map(activations[name]),
    backward(dy, { x, weight, bias }) {
      const z = reference.convolve(x, weight, bias, sizes);
      const dz = z.map((z, i) => dy[i] * derivatives[name](z));
      const { dx, dweight, dbias } = reference.convolveBackward(dz, x, weight, sizes);
      return { x: dx, weight: dweight, bias: dbias };
    },
  };
}

const CASES: [Sizes, ConvOptions][] = [
  [[1, 1, 1, 1, 1, 1], {}],
  [[2, 3, 5, 3, 2, 3], { padding: 1 }], // one float at a time
  [[2, 4, 2, 4, 8, 3], { padding: 1 }], // four
  [[2, 5, 4, 4, 3, 1], { stride: 2 }],
  [[1, 7, 6, 2, 4, 2], { stride: 2, padding: 1 }],
  [[2, 7, 5, 4, 4, 3], { stride: 2, padding: 1 }],
  [[1, 8, 9, 2, 3, 3], { padding: 2, dilation: 2 }],
  [[1, 6, 5, 3, 4, 4], { stride: 2, padding: 1 }],
  [[2, 7, 6, 4, 8, 4], { stride: 2, padding: 1 }],
  [[1, 5, 6, 2, 2, 5], { padding: 3 }], // more zeros than map on the way
  [[1, 7, 6, 4, 2, 5], { stride: 2, padding: 2 }],
  [[1, 7, 7, 2, 3, 6], { padding: 2 }],
  [[1, 9, 8, 1, 4, 7], { stride: 2, padding: 3 }],
  [[1, 8, 7, 3, 3, 7], {}],
  [[1, 3, 9, 20, 36, 2], {}], // more channels than a thread has, and no whole tiles of them
  [[1, 4, 5, 6, 2, 3], { padding: 1 }], // fewer channels than x: its weight's gradient by exchange
  [[1, 6, 7, 5, 3, 3], { dilation: 2, padding: 1 }],
  [[2, 5, 4, 3, 3, 3], { groups: 3, padding: 1 }],
  [[2, 7, 6, 4, 4, 5], { groups: 4, stride: 2, padding: 2 }],
  [[1, 9, 7, 2, 2, 3], { groups: 2, stride: 2, padding: 2, dilation: 2 }],
  [[3, 13, 9, 4, 4, 3], { groups: 4, padding: 1 }], // more windows than a thread adds up
];

for (const [sizes, options] of CASES) {
  Deno.test(`convolution [${sizes}] ${JSON.stringify(options)}: result and gradients`, async () => {
    await checkOp(op(sizes, options));
  });
}

const ON_HARDWARE: typeof CASES = [
  [[2, 3, 3, 4, 4, 3], { padding: 1 }],
  [[1, 7, 6, 3, 5, 4], { stride: 2, padding: 1 }],
  [[1, 6, 5, 12, 3, 3], { padding: 2, dilation: 2 }],
  [[2, 2, 3, 4, 12, 1], {}],
];

Deno.test("convolution on hardware: result and gradients", async () => {
  for (const [sizes, options] of ON_HARDWARE) await checkOp({ ...op(sizes, options), on: hardware });
});

for (const act of ["relu", "relu6", "silu", "sigmoid", "tanh", "elu", "softplus", { leaky: 0.1 }] as const) {
  Deno.test(`convolution with ${JSON.stringify(act)}: result and gradients`, async () => {
    await checkOp(op([2, 3, 5, 3, 2, 3], { padding: 1, act }));
    await checkOp(op([1, 4, 4, 4, 4, 3], { groups: 4, act }));
  });
}

Deno.test("ReLU6 stops at 6, and its gradient there", async () => {
  await gpu.step(async (on) => {
    const tape = new Tape(on),
      x = on.tensor([-1, 2, 5.5, 7], [1, 2, 2, 1]),
      weight = on.tensor([1], [1, 1, 1, 1]);
    x.requiresGrad = true;
    const y = conv(tape, x, weight, null, { act: "relu6" });
    const sum = conv(tape, y, on.tensor([1, 2, 3, 4], [1, 1, 2, 2]), null);
    tape.backward(sum);
    assert.deepEqual([...await on.read(y)], [0, 2, 5.5, 6]);
    assert.deepEqual([...await on.read(tape.gradient(x))], [0, 2, 3, 0]);
  });
});

Deno.test("a convolution's result for an image does not depend on the batch", async () => {
  for (const [C, O, k] of [[12, 24, 7], [3, 32, 4], [64, 4, 3], [5, 7, 5]]) {
    const weight = fill("weight", O * C * k * k);
    for (const on of Object.values(variants)) {
      await assertSameAlone(
        on,
        [5, 13, 11, C],
        (tape, x) => conv(tape, x, on.tensor(weight, [O, C, k, k]), null, { padding: 1 }),
      );
    }
  }
});

Deno.test("a frozen input of a convolution costs nothing", async () => {
  const layer = op([1, 2, 2, 4, 4, 3], { padding: 1, act: "relu" });
  assert.equal(await backwardDispatches(layer), 6); // ReLU, patches and dweight, their gradient and dx, dbias
  assert.equal(await backwardDispatches(layer, "x"), 4);
  assert.equal(await backwardDispatches(layer, "weight"), 4);
  assert.equal(await backwardDispatches(layer, "bias"), 5);
});

Deno.test("a convolution keeps its result alone, and what SiLU's gradient needs", async () => {
  for (const [act, kept] of [["none", 1], ["relu", 1], ["silu", 2]] as const) {
    await gpu.step((on) => {
      const tape = new Tape(on), x = on.empty([1, 4, 4, 4]), weight = on.empty([4, 4, 3, 3]);
      weight.requiresGrad = true;
      const { inUse } = gpu.memory.stats();
      conv(tape, x, weight, null, { padding: 1, act });
      assert.equal(gpu.memory.stats().inUse - inUse, kept * 256);
    });
  }
});

Deno.test("a convolution refuses what does not fit, and what it can't do", () => {
  const tape = new Tape(gpu), bias = gpu.empty([4]);
  const refuses = (x: number[], weight: number[], options: ConvOptions, message: RegExp) =>
    assert.throws(() => conv(tape, gpu.empty(x), gpu.empty(weight), bias, options), {
      name: "RangeError",
      message,
    });
  const shapes = /^Expected maps \[B, H, W, C\], a weight \[O, C \/ groups, k, k\] .*, but found \[/;
  refuses([1, 4, 3], [4, 3, 3, 3], {}, shapes);
  refuses([1, 5, 5, 3], [4, 2, 3, 3], {}, shapes);
  refuses([1, 5, 5, 3], [5, 3, 3, 3], {}, shapes);
  refuses([1, 5, 5, 3], [4, 3, 3, 5], {}, shapes);
  refuses([1, 5, 5, 4], [4, 2, 3, 3], { groups: 2 }, shapes);
  refuses([1, 5, 5, 2], [4, 1, 3, 3], { groups: 2 }, shapes);
  refuses([1, 9, 9, 3], [4, 3, 8, 8], {}, /a kernel of 1 to 7, .* but found 8, 1, 0 and 1$/);
  refuses([1, 5, 5, 3], [4, 3, 3, 3], { stride: 3 }, /but found 3, 3, 0 and 1$/);
  refuses([1, 5, 5, 3], [4, 3, 3, 3], { padding: -1 }, /but found 3, 1, -1 and 1$/);
  refuses([1, 2, 5, 3], [4, 3, 3, 3], {}, /a 3×3 window fits into, but found 2×5/);
  refuses([1, 3, 3, 3], [4, 3, 3, 3], { act: { leaky: -1 } }, /a slope of at least 0/);
});
