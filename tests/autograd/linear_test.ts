import assert from "node:assert/strict";
import { linear } from "../../src/autograd/linear.ts";
import { Parameters } from "../../src/optim/parameters.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill as fillWith } from "../../src/kernels/dense/elementwise.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";
import * as reference from "../reference/training.ts";
import { backwardDispatches, checkOp, type Op, weighted } from "./check.ts";

type Inputs = "x" | "weight" | "bias";

function op(x: number[], out: number, relu = false, dropout = 0): Op<Inputs> {
  const K = x[x.length - 1];
  return {
    inputs: { x, weight: [out, K], bias: [out] },
    dropout,
    run: (tape, { x, weight, bias }) =>
      linear(tape, x, weight, bias, { act: relu ? "relu" : "none", dropout }),
    forward: ({ x, weight, bias }, drop) => reference.linear(x, weight, bias, relu, drop),
    backward(dy, { x, weight, bias }, drop) {
      const y = reference.linear(x, weight, bias, relu, drop);
      const { dx, dweight, dbias } = reference.linearBackward(dy, y, out, x, weight, relu, drop);
      return { x: dx, weight: dweight, bias: dbias };
    },
  };
}

for (
  const [what, relu, dropout] of [["", false, 0], [", ReLU", true, 0], [
    ", ReLU and dropout",
    true,
    0.3,
  ]] as const
) {
  Deno.test(`linear${what}: result and gradients`, async () => {
    await checkOp(op([1, 1], 1, false));
    await checkOp(op([2, 3, 5], 7, relu, dropout));
    await checkOp(op([2, 3, 8], 12, relu, dropout));
    await checkOp(op([130, 3], 2, relu, dropout)); // the sum over rows in two runs
  });
}

Deno.test("a frozen input of linear costs nothing", async () => {
  const layer = op([2, 8], 4, true);
  assert.equal(await backwardDispatches(layer), 4); // through ReLU, dx, dweight, dbias
  for (const name of ["x", "weight", "bias"] as const) {
    assert.equal(await backwardDispatches(layer, name), 3, name);
  }
  assert.equal(await backwardDispatches(op([2, 8], 4), "x", "weight"), 1);
});

/** One layer of [12, 4], slices of which are used, and an input. */
async function packed(slices: { first: number; count: number }[]): Promise<void> {
  const parameters = new Parameters(gpu, new Map([["weight", [12, 4]], ["bias", [12]]]));
  const values = { weight: fill("weight", 48), bias: fill("bias", 12) }, x = fill("x", 3 * 4);
  parameters.load(new Map(Object.entries(values).map(([name, data]) => [name, { data }])));
  fillWith(gpu, parameters.gradients, 7); // left over from an earlier step
  const wanted = { weight: new Float64Array(48), bias: new Float64Array(12) };
  await gpu.step(async (gpu) => {
    // The loss Σ of all results, each weighted: one `weighted` op over all of them.
    const tape = new Tape(gpu), gx = gpu.tensor(x, [3, 4]);
    const results = slices.map((rows) =>
      linear(tape, gx, parameters.get("weight"), parameters.get("bias"), { rows })
    );
    for (const [i, { first, count }] of slices.entries()) {
      const weight = values.weight.subarray(first * 4, (first + count) * 4);
      const bias = values.bias.subarray(first, first + count), y = reference.linear(x, weight, bias);
      assertClose(await gpu.read(results[i]), y, 1e-6);
      const { dweight, dbias } = reference.linearBackward(fill(`dy${i}`, y.length), y, count, x, weight);
      dweight.forEach((g, j) => wanted.weight[first * 4 + j] += g);
      dbias.forEach((g, j) => wanted.bias[first + j] += g);
    }
    const losses = results.map((y, i) => weighted(tape, y, fill(`dy${i}`, y.size)));
    tape.backward(tape.record("sum", gpu.empty([1]), losses, () => {
      for (const loss of losses) fillWith(gpu, tape.into(loss)!.tensor, 1);
    }));
    for (const name of ["weight", "bias"] as const) {
      const found = await gpu.read(tape.gradient(parameters.get(name)));
      assertClose(found, wanted[name], 1e-6, `${name} ${JSON.stringify(slices)}`);
    }
  });
  parameters[Symbol.dispose]();
}

Deno.test("slices of a packed projection: apart, some, repeated, overlapping, and the whole", async () => {
  const slice = (first: number, count: number) => ({ first, count });
  await packed([slice(0, 4), slice(4, 4), slice(8, 4)]);
  await packed([slice(4, 4)]);
  await packed([slice(4, 4), slice(4, 4)]);
  await packed([slice(0, 8), slice(0, 4), slice(3, 5)]);
  await packed([slice(0, 4), slice(0, 12)]);
  await packed([slice(0, 12), slice(8, 4)]);
});

Deno.test("linear refuses what does not fit", () => {
  const tape = new Tape(gpu), x = gpu.empty([2, 3]), weight = gpu.empty([4, 3]), bias = gpu.empty([4]);
  assert.throws(() => linear(tape, x, gpu.empty([4, 2]), bias), /Expected a weight \[out, 3\]/);
  assert.throws(() => linear(tape, x, weight, gpu.empty([3])), /but found \[4,3\] and \[3\]/);
  assert.throws(
    () => linear(tape, x, weight, bias, { rows: { first: 2, count: 3 } }),
    /Expected rows within 0..4/,
  );
  assert.throws(() => linear(tape, x, weight, bias, { dropout: 0.1 }), /Expected ReLU/);
});
