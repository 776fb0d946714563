/**
 * Gaussians on the tape, and the normal numbers that they are sampled by.
 *
 * @module
 */
import assert from "node:assert/strict";
import { klNormal, normals, reparametrise } from "../../src/autograd/gaussians.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { normalAt } from "../../src/hash.ts";
import { gpu } from "../gpu.ts";
import { hardware } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";
import * as reference from "../reference/gaussians.ts";
import { checkOp, type Op } from "./check.ts";
import { meetsGolden } from "./golden.ts";

function divergence(shape: number[]): Op<"mu" | "variance"> {
  const D = shape[1];
  return {
    inputs: { mu: shape, variance: shape },
    run: (tape, { mu, variance }) => klNormal(tape, mu, variance),
    forward: ({ mu, variance }) => reference.klNormal(mu, variance, D),
    backward: (dd, { mu, variance }) => reference.klNormalBackward(dd, mu, variance, D),
  };
}

function sample(shape: number[], seed: number): Op<"mu" | "variance"> {
  return {
    inputs: { mu: shape, variance: shape },
    run: (tape, { mu, variance }) => reparametrise(tape, mu, variance, seed),
    forward: ({ mu, variance }) => reference.reparametrise(mu, variance, seed),
    backward: (dz, { variance }) => reference.reparametriseBackward(dz, variance, seed),
  };
}

Deno.test("klNormal: result and gradients", async () => {
  for (const shape of [[1, 1], [3, 7], [66, 4]]) await checkOp(divergence(shape));
  await checkOp({ ...divergence([3, 50]), on: hardware });
});

Deno.test("reparametrise: result and gradients", async () => {
  await checkOp(sample([3, 7], 5));
  await checkOp(sample([2, 3, 4], 0xffffffff));
  await checkOp({ ...sample([5], 0), on: hardware });
});

Deno.test("divergence and samples are PyTorch's", async () => {
  const inputs = { mu: [[5, 7], -2, 2], variance: [[5, 7], -4, 2] } as const;
  await meetsGolden("kl", inputs, (tape, { mu, variance }) => klNormal(tape, mu, variance));
  await meetsGolden(
    "reparametrise",
    inputs,
    (tape, { mu, variance }) => reparametrise(tape, mu, variance, 0x9e3779b9),
  );
});

Deno.test("normal numbers are those of src/hash.ts, value by value", async () => {
  for (const seed of [0, 7, 0xffffffff]) {
    const n = 70001, z = await gpu.step((gpu) => gpu.read(normals(gpu, [n], seed)));
    // Relative to each value, since one next to 0 is to be right too: the radius's and the angle's rounding.
    z.forEach((v, i) => {
      const wanted = normalAt(seed, i);
      assert.ok(Math.abs(v - wanted) <= 1e-6 * Math.max(Math.abs(wanted), 0.3), `${i}: ${v}, ${wanted}`);
    });
  }
});

Deno.test("normal numbers have the moments and quantiles of a standard normal, and are unrelated", async () => {
  const n = 200_000;
  const [a, b] = await gpu.step((gpu) => gpu.stream.read(normals(gpu, [n], 1), normals(gpu, [n], 2)));
  const mean = (f: (i: number) => number) => a.reduce((sum, _, i) => sum + f(i), 0) / n;
  // Five standard errors of each mean; the variance of z^k is E z^2k − (E z^k)².
  const near = (found: number, wanted: number, variance: number, what: string) =>
    assert.ok(Math.abs(found - wanted) < 5 * Math.sqrt(variance / n), `${what}: ${found}, not ${wanted}`);
  near(mean((i) => a[i]), 0, 1, "mean");
  near(mean((i) => a[i] ** 2), 1, 2, "variance");
  near(mean((i) => a[i] ** 3), 0, 15, "third moment");
  near(mean((i) => a[i] ** 4), 3, 96, "fourth moment");
  for (const [z, p] of [[-2, 0.0227501], [-1, 0.1586553], [0, 0.5], [1.5, 0.9331928], [3, 0.9986501]]) {
    near(mean((i) => +(a[i] < z)), p, p * (1 - p), `share below ${z}`);
  }
  for (const apart of [1, 2, 3, 64, 4096]) {
    near(mean((i) => a[i] * a[(i + apart) % n]), 0, 1, `product with the number ${apart} further on`);
    near(mean((i) => (a[i] * a[(i + apart) % n]) ** 2), 1, 8, `squares' product ${apart} further on`);
  }
  near(mean((i) => a[i] * b[i]), 0, 1, "product with another seed's");
  near(mean((i) => a[i] * b[(i + 1) % n]), 0, 1, "product with another seed's next");
  near(mean((i) => a[i] * b[(i + n - 1) % n]), 0, 1, "product with another seed's last");
});

Deno.test("normal numbers do not depend on the shape, and the same seed gives the same bits", async () => {
  await gpu.step(async (gpu) => {
    const [flat, shaped, more] = await gpu.stream.read(
      normals(gpu, [24], 3),
      normals(gpu, [2, 3, 4], 3),
      normals(gpu, [99], 3),
    );
    assert.deepEqual(shaped, flat);
    assert.deepEqual(more.slice(0, 24), flat);
  });
});

Deno.test("a sample of standard deviation 0 is the mean", async () => {
  const tape = new Tape(gpu),
    mu = gpu.tensor([1, -2, 3], [1, 3]),
    none = gpu.tensor([-300, -300, -300], [1, 3]);
  assertClose(await gpu.read(reparametrise(tape, mu, none, 1)), [1, -2, 3], 0);
});

Deno.test("Gaussians refuse what does not fit", () => {
  const tape = new Tape(gpu), x = gpu.empty([2, 3]);
  const message = "Expected logarithms of variances [2,3], but found [3,2]";
  assert.throws(() => klNormal(tape, x, gpu.empty([3, 2])), { name: "RangeError", message });
  assert.throws(() => reparametrise(tape, x, gpu.empty([3, 2]), 0), { name: "RangeError", message });
  assert.throws(() => klNormal(tape, x.view([6]), x), /means \[B, D\], but found \[6\]/);
});
