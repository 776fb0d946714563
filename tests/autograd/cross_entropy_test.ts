import assert from "node:assert/strict";
import { binaryCrossEntropy, crossEntropy, logSoftmax, softmax } from "../../src/autograd/cross_entropy.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { gpu } from "../gpu.ts";
import { hardware, variants } from "../hardware.ts";
import * as reference from "../reference/distances.ts";
import * as training from "../reference/training.ts";
import { checkOp, type Op } from "./check.ts";
import { labels, meetsGolden } from "./golden.ts";

function normalised(shape: number[], log: boolean): Op<"x"> {
  const K = shape[shape.length - 1];
  return {
    inputs: { x: shape },
    run: (tape, { x }) => (log ? logSoftmax : softmax)(tape, x),
    forward: ({ x }) => log ? reference.logSoftmax(x, K) : training.softmax(x, K),
    backward: (dy, { x }) => ({
      x: log
        ? reference.logSoftmaxBackward(dy, x, K)
        : training.softmaxBackward(dy, training.softmax(x, K), K),
    }),
  };
}

function classes(B: number, K: number): Op<"x"> {
  const of = labels(`${B} of ${K}`, B, K);
  return {
    inputs: { x: [B, K] },
    run: (tape, { x }) => crossEntropy(tape, x, gpu.tensor(of)),
    forward: ({ x }) => Float64Array.of(reference.crossEntropy(x, of, K)),
    backward: (dy, { x }) => ({ x: reference.crossEntropyBackward(x, of, K).map((d) => dy[0] * d) }),
  };
}

function binary(shape: number[]): Op<"x" | "y"> {
  const of = reference.pairs.binary;
  return {
    inputs: { x: shape, y: shape },
    run: (tape, { x, y }) => binaryCrossEntropy(tape, x, y),
    forward: ({ x, y }) => Float64Array.of(reference.meanOfPairs(of, x, y)),
    backward(dy, { x, y }) {
      const both = reference.meanOfPairsBackward(of, x, y),
        times = (d: Float64Array) => d.map((d) => dy[0] * d);
      return { x: times(both.x), y: times(both.y) };
    },
  };
}

Deno.test("softmax and its logarithm: result and gradient", async () => {
  for (const shape of [[1, 2], [5], [3, 7], [2, 3, 8], [2, 70, 4]]) {
    for (const log of [false, true]) await checkOp(normalised(shape, log));
  }
  for (const log of [false, true]) await checkOp({ ...normalised([3, 50], log), on: hardware });
});

Deno.test("cross-entropy: mean over the batch, and gradient", async () => {
  for (const [B, K] of [[1, 3], [5, 7], [3, 8], [66, 4]]) await checkOp(classes(B, K));
  await checkOp({ ...classes(5, 72), on: hardware });
});

Deno.test("binary cross-entropy: mean, and gradients of both sides", async () => {
  for (const shape of [[1], [3, 7], [2, 3, 4]]) await checkOp(binary(shape));
  await checkOp({ ...binary([2, 3, 4]), on: hardware });
});

Deno.test("softmax and cross-entropies are PyTorch's, of large logits too", async () => {
  await meetsGolden("softmax", { x: [[2, 3, 8], -4, 4] }, (tape, { x }) => softmax(tape, x));
  await meetsGolden("logSoftmax", { x: [[3, 5], -40, 40] }, (tape, { x }) => logSoftmax(tape, x));
  for (const [name, B, K, far] of [["cross", 5, 7, 3], ["cross.far", 6, 8, 300]] as const) {
    const of = gpu.tensor(labels(name, B, K));
    await meetsGolden(name, { x: [[B, K], -far, far] }, (tape, { x }) => crossEntropy(tape, x, of));
  }
  for (const [name, shape, far] of [["binary", [4, 9], 5], ["binary.far", [4, 8], 300]] as const) {
    const inputs = { x: [shape, -far, far], y: [shape, 0, 1] } as const;
    await meetsGolden(name, inputs, (tape, { x, y }) => binaryCrossEntropy(tape, x, y));
  }
});

Deno.test("a small loss of a sure logit is not rounded to 0", async () => {
  const tape = new Tape(gpu), of = (...values: number[]) => gpu.tensor(values);
  for (const logit of [3, 10, 20, 40]) {
    const [value] = await gpu.read(binaryCrossEntropy(tape, of(-logit), of(0)));
    assert.ok(Math.abs(value / Math.log1p(Math.exp(-logit)) - 1) < 1e-5, `${logit}: ${value}`);
  }
});

Deno.test("a label that is no class makes a loss that is not a number", async () => {
  for (const on of Object.values(variants)) {
    for (const [K, label] of [[3, 3], [4, 4], [4, 0xffffffff]]) {
      const loss = crossEntropy(
        new Tape(on),
        on.tensor(new Float32Array(2 * K), [2, K]),
        on.tensor(Uint32Array.of(0, label)),
      );
      assert.ok(Number.isNaN((await on.read(loss))[0]));
    }
  }
});

Deno.test("cross-entropies refuse what does not fit", () => {
  const tape = new Tape(gpu), x = gpu.empty([2, 3]);
  const of = (shape: number[]): Tensor<"u32"> => gpu.empty(shape, "labels", "u32");
  const message = "Expected logits [B, K] and labels [B], but found [2,3] and [3]";
  assert.throws(() => crossEntropy(tape, x, of([3])), { name: "RangeError", message });
  assert.throws(() => crossEntropy(tape, x, of([2, 1])), /but found \[2,3\] and \[2,1\]/);
  assert.throws(() => crossEntropy(tape, x.view([6]), of([6])), /but found \[6\] and \[6\]/);
  assert.throws(() => binaryCrossEntropy(tape, x, gpu.empty([3, 2])), /a target \[2,3\], but found \[3,2\]/);
});
