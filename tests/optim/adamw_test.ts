import assert from "node:assert/strict";
import { AdamW, type AdamWOptions } from "../../src/optim/adamw.ts";
import { linear } from "../../src/autograd/linear.ts";
import { meanSquaredError } from "../../src/autograd/ops.ts";
import { Parameters } from "../../src/optim/parameters.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";
import { adam, sum } from "../reference/training.ts";

/** A layer [5, 3], its optimizer, and a step of its regression. */
function regression() {
  const parameters = new Parameters(gpu, new Map([["weight", [5, 3]], ["bias", [5]]]));
  parameters.load(new Map([["weight", { data: fill("weight", 15) }], ["bias", { data: fill("bias", 5) }]]));
  const optimizer = new AdamW(gpu, parameters);
  const step = (options: AdamWOptions) =>
    gpu.step(async (gpu) => {
      const tape = new Tape(gpu),
        x = gpu.tensor(fill("x", 12), [4, 3]),
        target = gpu.tensor(fill("target", 20));
      const y = linear(tape, x, parameters.get("weight"), parameters.get("bias"));
      tape.backward(meanSquaredError(tape, y, target));
      const gradients = await gpu.read(parameters.gradients);
      const [norm] = await gpu.read(optimizer.step(tape, options));
      return { gradients, norm };
    });
  return { parameters, optimizer, step };
}

Deno.test("AdamW steps meet plain loops: defaults, weight decay, clipping, and a rate that changes", async () => {
  for (const given of [{}, { weight_decay: 0.3, clip: 0.05, betas: [0.8, 0.9] as const, eps: 1e-3 }]) {
    const { parameters, optimizer, step } = regression();
    const n = parameters.values.size;
    const p = Float64Array.from(await gpu.read(parameters.values));
    const state = { p, m: new Float64Array(n), v: new Float64Array(n) };
    const { weight_decay = 0.01, clip = 0, betas: [beta1, beta2] = [0.9, 0.999], eps = 1e-8 } =
      given as AdamWOptions;
    const norms: number[] = [], wanted: number[] = [];
    for (let t = 1; t <= 8; t++) {
      const lr = t <= 4 ? 0.05 : 0.005;
      const { gradients, norm } = await step({ lr, ...given });
      norms.push(norm);
      wanted.push(sum(n, (i) => gradients[i] ** 2));
      adam(state, gradients, t, { lr, weight_decay, decoupled: true, clip, beta1, beta2, eps });
    }
    assert.equal(optimizer.steps, 8);
    const found = await gpu.stream.read(parameters.values, ...optimizer.state.values());
    [state.p, state.m, state.v].forEach((values, i) => assertClose(found[i], values, 2e-6, `${i}`));
    assertClose(Float32Array.from(norms), wanted, 2e-6, "norms");
    optimizer[Symbol.dispose]();
    parameters[Symbol.dispose]();
  }
});

Deno.test("a step takes no memory", async () => {
  const { parameters, optimizer, step } = regression();
  const { inUse } = gpu.memory.stats();
  await step({ lr: 0.1 });
  assert.equal(gpu.memory.stats().inUse, inUse);
  optimizer[Symbol.dispose]();
  parameters[Symbol.dispose]();
  assert.equal(gpu.memory.stats().inUse, inUse - 2 * 2 * 4 * parameters.values.size);
});

Deno.test("a parameter without a gradient is refused and nothing changed", async () => {
  const { parameters, optimizer } = regression();
  const before = await gpu.read(parameters.values);
  await assert.rejects(
    () =>
      gpu.step((gpu) => {
        const tape = new Tape(gpu), weight = parameters.get("weight");
        tape.backward(meanSquaredError(tape, weight, gpu.tensor(fill("target", 15))));
        optimizer.step(tape, { lr: 0.1 });
      }),
    /Expected a gradient of the tensor \[5\]/,
  );
  assert.deepEqual(await gpu.read(parameters.values), before);
  assert.equal(optimizer.steps, 0);
});

Deno.test("moments outlive the step in which they were made, and begin with zeros", async () => {
  const parameters = new Parameters(gpu, new Map([["weight", [64]]]));
  await gpu.step((gpu) => gpu.tensor(fill("junk", 64)));
  const optimizer = await gpu.step(() => new AdamW(gpu, parameters));
  await gpu.step((gpu) => gpu.tensor(fill("junk", 64)));
  for (const moments of await gpu.stream.read(...optimizer.state.values())) {
    assert.ok(moments.every((v) => v === 0));
  }
});

Deno.test("a frozen parameter stays as it is and has no part in the norm, also after it was trained", async () => {
  for (const name of ["weight", "bias"]) {
    const { parameters, optimizer, step } = regression();
    await step({ lr: 0.1 });
    const frozen = parameters.get(name), other = parameters.get(name === "weight" ? "bias" : "weight");
    const before = await parameters.read();
    frozen.requiresGrad = false;
    const { gradients, norm } = await step({ lr: 0.1 });
    const first = other.offset / 4;
    const wanted = sum(other.size, (i) => gradients[first + i] ** 2);
    assertClose(Float32Array.of(norm), [wanted], 1e-6);
    const after = await parameters.read();
    assert.deepEqual(after.get(name), before.get(name));
    const moved = name === "weight" ? "bias" : "weight";
    assert.notDeepEqual(after.get(moved), before.get(moved));
    optimizer[Symbol.dispose]();
    parameters[Symbol.dispose]();
  }
});
