/**
 * Autograd's plain ops, results and gradients, against PyTorch's (tests/golden/ops_plain.py).
 *
 * @module
 */
import assert from "node:assert/strict";
import { activation } from "../../src/autograd/activations.ts";
import * as arithmetic from "../../src/autograd/arithmetic.ts";
import { conv } from "../../src/autograd/conv.ts";
import { linear } from "../../src/autograd/linear.ts";
import * as reductions from "../../src/autograd/reductions.ts";
import { channels, concat, crop, expand, pad } from "../../src/autograd/shapes.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { float32Of } from "../../src/formats/tensor_file.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { fill } from "../fill.ts";
import { variants } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";
import { weighted } from "./check.ts";

const { tensors: golden } = await readSafetensors(
  new URL("../golden/ops_plain.safetensors", import.meta.url).pathname,
);

type Run = (tape: Tape, ...x: Tensor[]) => Tensor;
const { abs, clamp, exp, log, multiply, scale, scaleRows, sqrt, square, subtract } = arithmetic;
const { mean, meanImages, sum, sumChannels, weightedSum } = reductions;

/** The ops, and the ranges their inputs are filled from where these are not −1 to 1. */
const CASES: Record<string, Run | [Run, low: number, high: number]> = {
  ...Object.fromEntries(
    (["relu", "relu6", "silu", "sigmoid", "tanh", "elu", "softplus", { leaky: 0.1 }] as const).map((act) => [
      `act.${typeof act === "string" ? act : "leaky"}`,
      [(tape: Tape, x: Tensor) => activation(tape, x, act), -8, 8] as [Run, number, number],
    ]),
  ),
  "linear.null": (tape, x, weight) => linear(tape, x, weight, null),
  "linear.tanh": (tape, x, weight, bias) => linear(tape, x, weight, bias, { act: "tanh" }),
  subtract,
  multiply,
  "multiply.itself": (tape, x) => multiply(tape, x, x),
  scale: (tape, x) => scale(tape, x, -1.5, 0.25),
  exp: [exp, -5, 5],
  log: [log, 0.1, 9],
  square,
  sqrt: [sqrt, 0.1, 9],
  abs,
  clamp: (tape, x) => clamp(tape, x, -0.5, 0.25),
  scaleRows,
  sum,
  mean,
  sumChannels,
  meanImages,
  weightedSum: (tape, a, b) => weightedSum(tape, [[2, a], [-0.5, b]]),
  concat: (tape, a, b) => concat(tape, [a, b, a]),
  channels: (tape, x) => channels(tape, x, 2, 4),
  crop: (tape, x) => crop(tape, x, { top: 1, left: 2, height: 2, width: 3 }),
  pad: (tape, x) => pad(tape, x, { top: 1, left: 2, right: 1 }),
  expand: (tape, x) => expand(tape, x, [2, 4]),
  score: (tape, x, weight, bias) =>
    meanImages(tape, activation(tape, conv(tape, x, weight, bias, { padding: 1 }), "elu")),
};

Deno.test("every stored case is looked at", () => {
  const stored = new Set([...golden.keys()].map((name) => name.slice(0, name.lastIndexOf("."))));
  assert.deepEqual(Object.keys(CASES).sort(), [...stored].sort());
});

for (const [variant, on] of Object.entries(variants)) {
  Deno.test(`plain ops and their gradients meet PyTorch's (${variant})`, async () => {
    for (const [name, entry] of Object.entries(CASES)) {
      const [run, low, high] = Array.isArray(entry) ? entry : [entry, -1, 1];
      const inputs = [...golden.keys()].filter((key) =>
        key.slice(0, key.lastIndexOf(".")) === name && key !== `${name}.y`
      );
      await on.step(async (gpu) => {
        const tape = new Tape(gpu);
        const x = inputs.map((key) => {
          const { shape } = golden.get(key)!, size = shape.reduce((a, b) => a * b);
          const tensor = gpu.tensor(fill(key, size, low, high), shape);
          tensor.requiresGrad = true;
          return tensor;
        });
        const y = run(tape, ...x);
        tape.backward(weighted(tape, y, fill(`${name}.dy`, y.size)));
        const [found, ...gradients] = await gpu.stream.read(y, ...x.map((x) => tape.gradient(x)));
        assert.deepEqual(y.shape, golden.get(`${name}.y`)!.shape);
        assertClose(found, float32Of(golden.get(`${name}.y`)!), 1e-6, `${name}:`);
        inputs.forEach((key, i) =>
          assertClose(gradients[i], float32Of(golden.get(key)!), 2e-6, `gradient of ${key}:`)
        );
      });
    }
  });
}
