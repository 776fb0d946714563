import assert from "node:assert/strict";
import { conv3x3 } from "../../src/autograd/conv.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { gpu } from "../gpu.ts";
import { binding, hardware } from "../hardware.ts";
import * as reference from "../reference/conv.ts";
import { backwardDispatches, checkOp, type Op } from "./check.ts";

type Inputs = "x" | "weight" | "bias";

function op(sizes: reference.ConvSizes, relu = false): Op<Inputs> {
  const { B, H, W, C, O } = sizes;
  return {
    inputs: { x: [B, H, W, C], weight: [O, C, 3, 3], bias: [O] },
    run: (tape, { x, weight, bias }) => conv3x3(tape, x, weight, bias, relu ? "relu" : "none"),
    forward: ({ x, weight, bias }) => reference.conv3x3(x, weight, bias, sizes, relu),
    backward(dy, { x, weight, bias }) {
      const y = reference.conv3x3(x, weight, bias, sizes, relu);
      const { dx, dweight, dbias } = reference.conv3x3Backward(dy, y, x, weight, sizes, relu);
      return { x: dx, weight: dweight, bias: dbias };
    },
  };
}

for (const relu of [false, true]) {
  Deno.test(`3×3 convolution${relu ? " with ReLU" : ""}: result and gradients`, async () => {
    await checkOp(op({ B: 1, H: 1, W: 1, C: 1, O: 1 }));
    await checkOp(op({ B: 2, H: 3, W: 5, C: 3, O: 2 }, relu)); // one float at a time
    await checkOp(op({ B: 2, H: 4, W: 2, C: 4, O: 8 }, relu)); // four
    await checkOp(op({ B: 2, H: 1, W: 4, C: 2, O: 3 }, relu));
    await checkOp({ ...op({ B: 2, H: 3, W: 3, C: 4, O: 4 }, relu), on: hardware });
  });

  Deno.test(`3×3 convolution${relu ? " with ReLU" : ""} in parts that end anywhere in a map`, async () => {
    const whole = op({ B: 2, H: 3, W: 5, C: 4, O: 4 }, relu); // 144 bytes of patches a position
    for (const positions of [29, 15, 7, 4]) await checkOp({ ...whole, on: binding(positions * 144 + 100) });
  });
}

Deno.test("a frozen input of a convolution costs nothing", async () => {
  const layer = op({ B: 1, H: 2, W: 2, C: 4, O: 4 }, true);
  assert.equal(await backwardDispatches(layer), 6); // ReLU, patches and dweight, their gradient and dx, dbias
  assert.equal(await backwardDispatches(layer, "x"), 4);
  assert.equal(await backwardDispatches(layer, "weight"), 4);
  assert.equal(await backwardDispatches(layer, "bias"), 5);
});

Deno.test("a convolution keeps no patches", async () => {
  await gpu.step(() => {
    const tape = new Tape(gpu), x = gpu.empty([1, 4, 4, 4]);
    const weight = gpu.empty([4, 4, 3, 3]), bias = gpu.empty([4]);
    weight.requiresGrad = true;
    const { inUse } = gpu.memory.stats();
    conv3x3(tape, x, weight, bias);
    assert.equal(gpu.memory.stats().inUse - inUse, 256); // the result
  });
});

Deno.test("a convolution refuses what does not fit", () => {
  const tape = new Tape(gpu), x = gpu.empty([1, 2, 2, 3]), bias = gpu.empty([4]);
  const message = /^Expected maps \[B, H, W, C\], a weight \[O, C, 3, 3\] .*, but found \[/;
  const refuses = (x: number[], weight: number[]) =>
    assert.throws(() => conv3x3(tape, gpu.empty(x), gpu.empty(weight), bias), {
      name: "RangeError",
      message,
    });
  refuses([1, 4, 3], [4, 3, 3, 3]);
  refuses([1, 2, 2, 3], [4, 2, 3, 3]);
  refuses([1, 2, 2, 3], [5, 3, 3, 3]);
  refuses([1, 2, 2, 3], [4, 3, 5, 5]);
  const few = new Tape(binding(100)), weight = gpu.empty([4, 3, 3, 3]);
  assert.throws(
    () => conv3x3(few, x, weight, bias),
    /a convolution's patches \[1,27\] needs/,
  );
});
