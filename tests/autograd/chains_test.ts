/**
 * What methods do with gradients: those of inputs through frozen networks, and two losses of two networks in one step.
 *
 * @module
 */
import assert from "node:assert/strict";
import { activation } from "../../src/autograd/activations.ts";
import { scale, square } from "../../src/autograd/arithmetic.ts";
import { conv } from "../../src/autograd/conv.ts";
import { linear } from "../../src/autograd/linear.ts";
import { mean, meanImages, sum, weightedSum } from "../../src/autograd/reductions.ts";
import { detach } from "../../src/autograd/shapes.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import { Parameters } from "../../src/optim/parameters.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { variants } from "../hardware.ts";
import { activations, assertClose, derivatives } from "../reference/backbone.ts";
import { convolve, convolveBackward, padded } from "../reference/conv.ts";
import * as reference from "../reference/training.ts";

/** A gradient [B, …] of images with respect to the sum of their scores, and the scores [B]. */
function scored(tape: Tape, x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return meanImages(tape, activation(tape, conv(tape, x, weight, bias, { padding: 1 }), "softplus"));
}

Deno.test("scoring by the gradient of the input: through frozen layers, the same for an image alone", async () => {
  const B = 3, H = 5, W = 4, C = 3, O = 4, image = H * W * C;
  const values = { x: fill("x", B * image), weight: fill("w", O * C * 9), bias: fill("b", O) };
  const sizes = padded({ B, H, W, C, O, k: 3, padding: 1 });
  const z = convolve(values.x, values.weight, values.bias, sizes);
  const dz = z.map((z) => derivatives.softplus(z) / (H * W * O));
  const { dx } = convolveBackward(dz, values.x, values.weight, sizes);
  for (const on of Object.values(variants)) {
    await on.step(async (gpu) => {
      const weight = gpu.tensor(values.weight, [O, C, 3, 3]), bias = gpu.tensor(values.bias);
      const computed = async (first: number, count: number) => {
        const tape = new Tape(gpu, { record: true, dropout: false });
        const x = gpu.tensor(values.x.subarray(first * image, (first + count) * image), [count, H, W, C]);
        x.requiresGrad = true;
        const scores = scored(tape, x, weight, bias);
        tape.backward(sum(tape, scores));
        assert.throws(() => tape.gradient(weight), /does not depend on it/);
        return await gpu.stream.read(scores, tape.gradient(x));
      };
      const [scores, gradient] = await computed(0, B);
      const wanted = reference.make(B, (b) => {
        const own = z.subarray(b * H * W * O, (b + 1) * H * W * O);
        return own.reduce((sum, z) => sum + activations.softplus(z), 0) / own.length;
      });
      assertClose(scores, wanted, 1e-6);
      assertClose(gradient, dx, 2e-6);
      for (let b = 0; b < B; b++) {
        const [[score], own] = await computed(b, 1);
        assert.equal(score, scores[b]);
        assert.deepEqual(own, gradient.slice(b * image, (b + 1) * image));
      }
    });
  }
});

/** One layer's parameters. */
function layer(name: string, rows: number, columns: number): Parameters {
  const parameters = new Parameters(gpu, new Map([[name, [rows, columns]]]));
  parameters.load(new Map([[name, { data: fill(name, rows * columns) }]]));
  return parameters;
}

Deno.test("a generator and its critic, each with a tape, a loss and an optimizer of its own, in one step", async () => {
  const B = 5, K = 4, N = 8, x = fill("x", B * K), lr = 0.1;
  using generator = layer("generator", N, K);
  using critic = layer("critic", 1, N);
  const [G, C] = [fill("generator", N * K), fill("critic", N)];
  const fake = reference.linear(x, G, new Float64Array(N)), judged = reference.linear(fake, C, [0]);
  // The critic's loss: mean (judged − 1)²; the generator's: half the mean of judged², plus a thousandth of the fakes' squares.
  const critics = reference.linearBackward(judged.map((v) => 2 * (v - 1) / B), judged, 1, fake, C).dweight;
  const dfake = reference.linearBackward(judged.map((v) => v / B), judged, 1, fake, C).dx;
  dfake.forEach((_, i) => dfake[i] += 2e-3 * fake[i] / (B * N));
  const generators = reference.linearBackward(dfake, fake, N, x, G).dweight;

  using steps = new DisposableStack();
  const optimizers = [steps.use(new AdamW(gpu, critic)), steps.use(new AdamW(gpu, generator))];
  const found = await gpu.step(async (gpu) => {
    const input = gpu.tensor(x, [B, K]), weights = generator.get("generator"), judge = critic.get("critic");
    const first = new Tape(gpu), second = new Tape(gpu);
    const made = linear(second, input, weights, null);
    first.backward(mean(first, square(first, scale(first, linear(first, detach(made), judge, null), 1, -1))));
    second.backward(weightedSum(second, [
      [0.5, mean(second, square(second, linear(second, made, detach(judge), null)))],
      [1e-3, mean(second, square(second, made))],
    ]));
    assert.throws(() => first.gradient(weights), /does not depend on it/);
    assert.throws(() => second.gradient(judge), /does not depend on it/);
    const gradients = [first.gradient(judge), second.gradient(weights)];
    optimizers[0].step(first, { lr, weight_decay: 0 });
    optimizers[1].step(second, { lr, weight_decay: 0 });
    return await gpu.stream.read(...gradients, judge, weights);
  });
  [critics, generators].forEach((wanted, i) => assertClose(found[i], wanted, 2e-6));
  // Adam's first step is lr along each gradient's sign.
  [[C, critics], [G, generators]].forEach(([before, gradient], i) => {
    assertClose(
      found[2 + i],
      reference.make(before.length, (j) => before[j] - lr * Math.sign(gradient[j])),
      1e-5,
    );
  });
});
