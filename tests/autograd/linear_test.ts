import assert from "node:assert/strict";
import { linear } from "../../src/autograd/linear.ts";
import { Parameters } from "../../src/optim/parameters.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill as fillWith } from "../../src/kernels/dense/elementwise.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { variants } from "../hardware.ts";
import { activations, assertClose, derivatives } from "../reference/backbone.ts";
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

for (const act of ["silu", "sigmoid", "tanh", "elu", "softplus", "relu6", { leaky: 0.1 }] as const) {
  Deno.test(`linear, ${JSON.stringify(act)}: result and gradients`, async () => {
    const name = typeof act === "string" ? act : "leaky";
    for (const [K, out] of [[5, 7], [8, 12]]) {
      await checkOp<Inputs>({
        inputs: { x: [2, 3, K], weight: [out, K], bias: [out] },
        run: (tape, { x, weight, bias }) => linear(tape, x, weight, bias, { act }),
        forward: ({ x, weight, bias }) => reference.linear(x, weight, bias).map(activations[name]),
        backward(dy, { x, weight, bias }) {
          const z = reference.linear(x, weight, bias), dz = z.map((z, i) => dy[i] * derivatives[name](z));
          const { dx, dweight, dbias } = reference.linearBackward(dz, z, out, x, weight);
          return { x: dx, weight: dweight, bias: dbias };
        },
      });
    }
  });
}

Deno.test("linear without a bias: result and gradients", async () => {
  for (const relu of [false, true]) {
    await checkOp<"x" | "weight">({
      inputs: { x: [2, 3, 8], weight: [4, 8] },
      run: (tape, { x, weight }) => linear(tape, x, weight, null, { act: relu ? "relu" : "none" }),
      forward: ({ x, weight }) => reference.linear(x, weight, new Float64Array(4), relu),
      backward(dy, { x, weight }) {
        const y = reference.linear(x, weight, new Float64Array(4), relu);
        const { dx, dweight } = reference.linearBackward(dy, y, 4, x, weight, relu);
        return { x: dx, weight: dweight };
      },
    });
  }
});

Deno.test("a row of linear, and its gradient when scoring, don't depend on the other rows", async () => {
  const B = 40, K = 1024, N = 640, x = fill("x", B * K), dy = fill("dy", B * N);
  for (const on of Object.values(variants)) {
    await gpu.step(async (gpu) => {
      const weight = gpu.tensor(fill("weight", N * K), [N, K]);
      const computed = async (rows: number) => {
        const tape = new Tape(on, { dropout: false }), input = gpu.tensor(x.subarray(0, rows * K), [rows, K]);
        input.requiresGrad = true;
        const y = linear(tape, input, weight, null);
        tape.backward(weighted(tape, y, dy.subarray(0, rows * N)));
        return await gpu.stream.read(y, tape.gradient(input));
      };
      const [all, alone] = [await computed(B), await computed(1)];
      assert.deepEqual(all[0].slice(0, N), alone[0]);
      assert.deepEqual(all[1].slice(0, K), alone[1]);
    });
  }
});

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
  assert.throws(() => linear(tape, x, weight, bias, { act: "elu", dropout: 0.1 }), /Expected ReLU/);
  assert.throws(() => linear(tape, x, gpu.empty([4, 2]), null), /but found \[4,2\] and none/);
});
