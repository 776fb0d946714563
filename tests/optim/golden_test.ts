/**
 * Optimizers and schedules against torch.optim's (tests/golden/optim.py), and several optimizers in one step.
 *
 * @module
 */
import assert from "node:assert/strict";
import { linear } from "../../src/autograd/linear.ts";
import { add, meanSquaredError } from "../../src/autograd/ops.ts";
import { detach } from "../../src/autograd/shapes.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { float32Of } from "../../src/formats/tensor_file.ts";
import type { Compute } from "../../src/gpu/compute.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { Adam } from "../../src/optim/adam.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import type { Optimizer, StepOptions } from "../../src/optim/optimizer.ts";
import { Parameters } from "../../src/optim/parameters.ts";
import { cosine, exponential, multiStep, stepDecay } from "../../src/optim/schedules.ts";
import { Sgd } from "../../src/optim/sgd.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";

const golden = (name: string) => new URL(`../golden/optim.${name}`, import.meta.url).pathname;
const { tensors } = await readSafetensors(golden("safetensors"));
const { cases, schedules } = JSON.parse(await Deno.readTextFile(golden("json"))) as {
  cases: Record<string, { optimizer: keyof typeof OPTIMIZERS; options: StepOptions; clip: number }>;
  schedules: Record<string, number[]>;
};
const OPTIMIZERS = { Adam, AdamW, SGD: Sgd };
const STEPS = 5;

/** Parameters of those shapes, as optim.py fills them. */
function filled(shapes: Record<string, number[]>): Parameters {
  const parameters = new Parameters(gpu, new Map(Object.entries(shapes)));
  const values = Object.entries(shapes).map(([name, shape]) =>
    [name, { data: fill(name, shape.reduce((a, b) => a * b)) }] as const
  );
  parameters.load(new Map(values));
  return parameters;
}

/** Checks parameters against what optim.py stored of a case. */
async function meets(parameters: Parameters, name: string): Promise<void> {
  for (const [parameter, { data }] of await parameters.read()) {
    const wanted = float32Of(tensors.get(`${name}.${parameter}`)!);
    assertClose(data, wanted, 2e-6, `${parameter} of ${name}:`);
  }
}

/** Steps of the regression of optim.py. @returns the norms of gradients */
async function regression(
  parameters: Parameters,
  optimizer: Optimizer,
  options: StepOptions,
  steps: number,
): Promise<number[]> {
  const norms: number[] = [];
  for (let t = 0; t < steps; t++) {
    await gpu.step(async (gpu) => {
      const tape = new Tape(gpu),
        x = gpu.tensor(fill("x", 12), [4, 3]),
        wanted = gpu.tensor(fill("target", 20));
      const y = linear(tape, x, parameters.get("weight"), parameters.get("bias"));
      tape.backward(meanSquaredError(tape, y, wanted.view([4, 5])));
      norms.push(Math.sqrt((await gpu.read(optimizer.step(tape, options)))[0]));
    });
  }
  return norms;
}

for (const [name, { optimizer: kind, options, clip }] of Object.entries(cases)) {
  Deno.test(`five steps of ${name} are those of PyTorch, also where they are gone on with`, async () => {
    for (const before of [STEPS, 2]) {
      using parameters = filled({ weight: [5, 3], bias: [5] });
      using optimizer = new OPTIMIZERS[kind](gpu, parameters);
      const norms = await regression(parameters, optimizer, { ...options, clip }, before);
      using other = new OPTIMIZERS[kind](gpu, parameters); // as a checkpoint makes it
      for (const [state, tensor] of optimizer.state) {
        parameters.loadInto(other.state.get(state)!, await parameters.read(tensor));
      }
      other.steps = optimizer.steps;
      norms.push(...await regression(parameters, other, { ...options, clip }, STEPS - before));
      await meets(parameters, name);
      assertClose(Float32Array.from(norms), float32Of(tensors.get(`${name}.norms`)!), 2e-6, "norms:");
    }
  });
}

Deno.test("Nesterov's momentum without any is refused, and nothing changed", async () => {
  using parameters = filled({ weight: [5, 3], bias: [5] });
  using optimizer = new Sgd(gpu, parameters);
  const before = await gpu.read(parameters.values);
  await assert.rejects(
    regression(parameters, optimizer, { lr: 0.1, nesterov: true } as StepOptions, 1),
    { name: "RangeError", message: "Expected a momentum above 0 for Nesterov's, but found 0" },
  );
  assert.deepEqual(await gpu.read(parameters.values), before);
  assert.equal(optimizer.steps, 0);
});

/** A step of the critic, then one of the generator, whose network's gradients go through the critic that has moved. */
function step(
  on: Compute,
  generator: Parameters,
  critic: Parameters,
  ofCritic: Sgd,
  ofGenerator: Adam,
): void {
  const judged = (tape: Tape, x: Tensor) => {
    const hidden = linear(tape, x, critic.get("c1.weight"), critic.get("c1.bias"), { act: "relu" });
    return linear(tape, hidden, critic.get("c2.weight"), critic.get("c2.bias"));
  };
  const [real, z] = [on.tensor(fill("real", 12), [6, 2]), on.tensor(fill("z", 18), [6, 3])];
  const [zero, one] = [0, 1].map((value) => on.tensor(new Float32Array(6).fill(value), [6, 1]));

  const generating = new Tape(on), judging = new Tape(on);
  const made = linear(generating, z, generator.get("g.weight"), generator.get("g.bias"));
  const ofReal = meanSquaredError(judging, judged(judging, real), one);
  judging.backward(add(judging, ofReal, meanSquaredError(judging, judged(judging, detach(made)), zero)));
  ofCritic.step(judging, { lr: 0.1, momentum: 0.9, nesterov: true });
  generating.backward(meanSquaredError(generating, judged(generating, made), one));
  ofGenerator.step(generating, { lr: 0.05, betas: [0.5, 0.999] });
}

const GENERATOR = { "g.weight": [2, 3], "g.bias": [2] };
const CRITIC = { "c1.weight": [4, 2], "c1.bias": [4], "c2.weight": [1, 4], "c2.bias": [1] };

Deno.test("two optimizers in a step train a generator and its critic as PyTorch does", async () => {
  using generator = filled(GENERATOR);
  using critic = filled(CRITIC);
  using ofGenerator = new Adam(gpu, generator);
  using ofCritic = new Sgd(gpu, critic);
  for (let t = 0; t < STEPS; t++) {
    await gpu.step((gpu) => step(gpu, generator, critic, ofCritic, ofGenerator));
  }
  await meets(generator, "gan");
  await meets(critic, "gan");
});

Deno.test("two optimizers share a tape; who is not asked changes nothing", async () => {
  using both = filled({ weight: [5, 3], bias: [5] });
  using weight = filled({ weight: [5, 3] });
  using bias = filled({ bias: [5] });
  using ofBoth = new Sgd(gpu, both);
  using ofWeight = new Sgd(gpu, weight);
  using ofBias = new Sgd(gpu, bias);
  const step = (weights: Parameters, biases: Parameters, optimizers: Optimizer[]) =>
    gpu.step((gpu) => {
      const tape = new Tape(gpu), x = gpu.tensor(fill("x", 12), [4, 3]);
      const y = linear(tape, x, weights.get("weight"), biases.get("bias"));
      tape.backward(meanSquaredError(tape, y, gpu.tensor(fill("target", 20), [4, 5])));
      for (const optimizer of optimizers) optimizer.step(tape, { lr: 0.1 });
    });
  for (let t = 0; t < 2; t++) {
    await step(both, both, [ofBoth]);
    await step(weight, bias, [ofWeight, ofBias]);
  }
  const wanted = await both.read();
  assert.deepEqual([await weight.read(), await bias.read()].flatMap((found) => [...found]), [...wanted]);
  await step(weight, bias, [ofWeight]);
  assert.deepEqual((await bias.read()).get("bias"), wanted.get("bias"));
  assert.notDeepEqual((await weight.read()).get("weight"), wanted.get("weight"));
});

Deno.test("learning rates over ten epochs are those of PyTorch", () => {
  const rates: Record<string, (epoch: number) => number> = {
    multiStep: (epoch) => multiStep(0.1, epoch, [3, 3, 7]),
    "multiStep half": (epoch) => multiStep(0.1, epoch, [1, 4], 0.5),
    exponential: (epoch) => exponential(0.1, epoch, 0.95),
    cosine: (epoch) => cosine(0.1, epoch, 10),
  };
  assert.deepEqual(Object.keys(rates), Object.keys(schedules));
  for (const [name, wanted] of Object.entries(schedules)) {
    wanted.forEach((rate, i) => {
      const found = rates[name](i + 1);
      assert(Math.abs(found - rate) <= 1e-12 * rate, `${name}, epoch ${i + 1}: ${found}, not ${rate}`);
    });
  }
  assert.deepEqual([1, 2, 3].map((epoch) => stepDecay(1, epoch, 2)), [1, 1, 0.1]);
  assert(Math.abs(cosine(0.1, 11, 10)) < 1e-17, "0 once all epochs are done");
});
