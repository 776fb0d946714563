import assert from "node:assert/strict";
import { AdamW } from "../../src/optim/adamw.ts";
import { meanSquaredError } from "../../src/autograd/ops.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { Adtr, type AdtrConfig, initialAdtr } from "../../src/model/adtr.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";

const CONFIG: AdtrConfig = { C: 8, D: 8, A: 2, F: 12, H: 3, W: 2, encoder: 1, decoder: 1, dropout: 0.1 };

/** A model in training on three images, and one step of it, which reads the loss back where it is asked to. */
function training() {
  const model = new Adtr(gpu, CONFIG, initialAdtr(CONFIG, 3)), optimizer = new AdamW(gpu, model.parameters);
  const x = gpu.tensor(fill("features", 3 * 6 * 8), [3, 6, 8]);
  const step = (look = false) =>
    gpu.step(async (gpu) => {
      const tape = new Tape(gpu, { seed: optimizer.steps });
      const loss = meanSquaredError(tape, model.forward(tape, x), x);
      tape.backward(loss);
      optimizer.step(tape, { lr: 1e-3, weight_decay: 1e-4, clip: 0.1 });
      return look ? (await gpu.read(loss))[0] : NaN;
    });
  const release = () => {
    optimizer[Symbol.dispose]();
    model.parameters[Symbol.dispose]();
    gpu.release(x);
  };
  return { model, optimizer, step, release };
}

Deno.test("200 steps leave the pool as the second left it, and bind what it bound", async () => {
  const { step, release } = training(), losses = [];
  for (let i = 0; i < 2; i++) losses.push(await step(true));
  const memory = gpu.memory.stats(), { bindGroups, pipelines } = gpu.stream.counts;
  for (let i = 2; i < 200; i++) losses.push(await step(i % 20 === 19));
  assert.deepEqual(gpu.memory.stats(), memory);
  assert.equal(gpu.stream.counts.bindGroups, bindGroups);
  assert.equal(gpu.stream.counts.pipelines, pipelines);
  assert.ok(losses[199] < 0.7 * losses[0], `the loss went from ${losses[0]} to ${losses[199]}`);
  release();
});

Deno.test("a step is one submit", async () => {
  const { step, release } = training();
  await step(true);
  const { submits } = gpu.stream.counts;
  for (let i = 0; i < 5; i++) await step(true);
  assert.equal(gpu.stream.counts.submits - submits, 5);
  release();
});

Deno.test("two trainings of five steps give the same bits", async () => {
  const run = async () => {
    const { model, optimizer, step, release } = training(), losses = [];
    for (let i = 0; i < 5; i++) losses.push(await step(true));
    const state = await gpu.stream.read(model.parameters.values, ...optimizer.state.values());
    release();
    return [losses, ...state];
  };
  const first = await run();
  await gpu.step((gpu) => gpu.tensor(fill("junk", 5000))); // other contents in the pool
  assert.deepEqual(await run(), first);
});
