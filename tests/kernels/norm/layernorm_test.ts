import assert from "node:assert/strict";
import {
  layerNorm,
  layerNormAffineBackward,
  layerNormBackward,
} from "../../../src/kernels/norm/layernorm.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { variants } from "../../hardware.ts";
import { assertClose } from "../../reference/backbone.ts";
import * as reference from "../../reference/training.ts";

const SHAPES = [[1, 3], [3, 4], [65, 7], [130, 36], [5, 131], [2, 260]];

for (const [name, on] of Object.entries(variants)) {
  for (const [what, drop] of [["", undefined], [" and dropout", { p: 0.25, seed: 9 }]] as const) {
    Deno.test(`layerNorm of a sum${what}, ${name}, and its gradients meet plain loops`, async () => {
      for (const [rows, D] of SHAPES) {
        const n = rows * D, x = fill("x", n), branch = fill("branch", n), dy = fill("dy", n);
        const gamma = fill("gamma", D, 0.5, 1.5), beta = fill("beta", D), before = fill("before", n);
        await gpu.step(async (gpu) => {
          const [gx, gbranch, gdy, dx, dbranch] = [x, branch, dy, before, before].map((values) =>
            gpu.tensor(values, [rows, D])
          );
          const ggamma = gpu.tensor(gamma), dgamma = gpu.tensor(gamma), dbeta = gpu.tensor(beta);
          const saved = layerNorm(on, gx, gbranch, ggamma, gpu.tensor(beta), drop);
          layerNormBackward(on, gdy, saved, ggamma, dx, true, dbranch, drop);
          layerNormAffineBackward(on, gdy, saved, { tensor: dgamma, add: true }, {
            tensor: dbeta,
            add: false,
          });
          const found = await gpu.stream.read(saved.y, saved.z, saved.stats, dx, dbranch, dgamma, dbeta);

          const wanted = reference.layerNorm(x, branch, gamma, beta, drop);
          const gradients = reference.layerNormBackward(dy, wanted, gamma, drop);
          const all = [
            wanted.y,
            wanted.z,
            wanted.stats,
            gradients.dx.map((v, i) => v + before[i]),
            gradients.dbranch,
            gradients.dgamma.map((v, i) => v + gamma[i]),
            gradients.dbeta,
          ];
          all.forEach((values, i) => assertClose(found[i], values, 2e-6, `${rows}×${D}, ${i}`));
        });
      }
    });
  }
}

Deno.test("layerNorm without a branch, its gradient written over what is there", async () => {
  for (const D of [5, 8]) {
    const x = fill("x", 3 * D), dy = fill("dy", 3 * D), gamma = fill("gamma", D), beta = fill("beta", D);
    const ggamma = gpu.tensor(gamma), gdy = gpu.tensor(dy, [3, D]), dx = gpu.tensor(x, [3, D]);
    const saved = layerNorm(gpu, gpu.tensor(x, [3, D]), null, ggamma, gpu.tensor(beta), { p: 0.5, seed: 1 });
    layerNormBackward(gpu, gdy, saved, ggamma, dx, false, null);
    const [y, gradient] = await gpu.stream.read(saved.y, dx);
    const wanted = reference.layerNorm(x, null, gamma, beta);
    assertClose(y, wanted.y, 1e-6);
    assertClose(gradient, reference.layerNormBackward(dy, wanted, gamma).dx, 2e-6);
  }
});

Deno.test("layerNorm is exact where values are large and close together", async () => {
  const x = fill("x", 64).map((v) => 1000 + v),
    one = new Float32Array(64).fill(1),
    zero = new Float32Array(64);
  const { y } = layerNorm(gpu, gpu.tensor(x, [1, 64]), null, gpu.tensor(one), gpu.tensor(zero));
  // The values themselves have 3e-5 left of their deviations of 0.6; E[z²] − mean² would be off by 0.1.
  assertClose(await gpu.read(y), reference.layerNorm(x, null, one, zero).y, 1e-4);
});

Deno.test("layerNorm of constant rows is beta, and their gradient is finite", async () => {
  for (const D of [1, 4]) {
    const beta = fill("beta", D), x = gpu.tensor(new Float32Array(2 * D).fill(3), [2, D]);
    const dx = gpu.empty([2, D]);
    const saved = layerNorm(gpu, x, null, gpu.tensor(beta), gpu.tensor(beta));
    layerNormBackward(gpu, x, saved, gpu.tensor(beta), dx, false, null);
    const [y, gradient] = await gpu.stream.read(saved.y, dx);
    assert.deepEqual([...y], [...beta, ...beta]);
    assert.ok(gradient.every(Number.isFinite));
  }
});

Deno.test("layerNorm over more rows than one dimension of workgroups reaches", async () => {
  const rows = 2 * 65535 + 3, D = 3, x = fill("x", rows * D), gamma = fill("g", D), beta = fill("b", D);
  const ggamma = gpu.tensor(gamma), on = variants.hardware; // two rows a workgroup
  const gx = gpu.tensor(x, [rows, D]), dx = gpu.empty([rows, D]);
  const saved = layerNorm(on, gx, null, ggamma, gpu.tensor(beta));
  layerNormBackward(on, gx, saved, ggamma, dx, false, null);
  const [y, gradient] = await gpu.stream.read(saved.y, dx);
  const wanted = reference.layerNorm(x, null, gamma, beta);
  assertClose(y, wanted.y, 1e-5);
  assertClose(gradient, reference.layerNormBackward(x, wanted, gamma).dx, 1e-4);
});
