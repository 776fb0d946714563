import assert from "node:assert/strict";
import { adamStep } from "../../../src/kernels/rows/adam.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose } from "../../reference/backbone.ts";
import { adam, sum } from "../../reference/training.ts";

const SETTINGS = {
  lr: 0.01,
  weight_decay: 0.1,
  decoupled: true,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  clip: 0,
};

Deno.test("Adam and AdamW over ten steps meet plain loops, with and without clipping", async () => {
  for (const [n, decoupled] of [[4, true], [68, true], [68, false], [1028, true]] as const) {
    for (const clip of [0, 0.1, 1e6]) {
      const settings = { ...SETTINGS, decoupled, clip };
      const values = fill("p", n), zeros = new Float32Array(n);
      const [parameters, m, v] = [values, zeros, zeros].map((x) => gpu.tensor(x)), squares = gpu.empty([1]);
      const state = { p: Float64Array.from(values), m: new Float64Array(n), v: new Float64Array(n) };
      for (let t = 1; t <= 10; t++) {
        const gradient = fill(`gradient ${t}`, n);
        gpu.stream.write(squares, Float32Array.of(sum(n, (i) => gradient[i] ** 2)));
        const gradients = gpu.tensor(gradient);
        adamStep(gpu, { parameters, gradients, m, v }, settings, t, squares);
        adam(state, gradient, t, settings);
      }
      const found = await gpu.stream.read(parameters, m, v);
      [state.p, state.m, state.v].forEach((wanted, i) =>
        assertClose(found[i], wanted, 1e-6, `${n}, ${decoupled}, ${clip}`)
      );
    }
  }
});

Deno.test("AdamW over more parameters than one dimension of workgroups reaches", async () => {
  const n = 64 * 4096 * 4 + 4,
    values = fill("p", n),
    gradient = fill("gradient", n),
    zeros = new Float32Array(n);
  const [parameters, gradients, m, v] = [values, gradient, zeros, zeros].map((x) => gpu.tensor(x));
  adamStep(gpu, { parameters, gradients, m, v }, SETTINGS, 1, gpu.tensor([0]));
  const state = { p: Float64Array.from(values), m: new Float64Array(n), v: new Float64Array(n) };
  adam(state, gradient, 1, SETTINGS);
  assertClose(await gpu.read(parameters), state.p, 1e-6);
});

Deno.test("parameters without a gradient only decay, and zeros stay zero", async () => {
  const parameters = gpu.tensor([1, 0, -2, 0]), zeros = () => gpu.tensor(new Float32Array(4));
  adamStep(gpu, { parameters, gradients: zeros(), m: zeros(), v: zeros() }, SETTINGS, 1, zeros());
  assert.deepEqual(
    [...await gpu.read(parameters)],
    [1, 0, -2, 0].map((p) => Math.fround(p * Math.fround(0.999))),
  );
});
