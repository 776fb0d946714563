import assert from "node:assert/strict";
import { activation } from "../../src/autograd/activations.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Act } from "../../src/kernels/conv/act.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { activations, assertClose, derivatives } from "../reference/backbone.ts";
import { make } from "../reference/training.ts";
import { checkOp, type Op } from "./check.ts";

function op(shape: number[], act: Act): Op<"x"> {
  const name = typeof act === "string" ? act : "leaky";
  return {
    inputs: { x: shape },
    run: (tape, { x }) => activation(tape, x, act),
    forward: ({ x }) => make(x.length, (i) => activations[name](x[i])),
    backward: (dy, { x }) => ({ x: make(x.length, (i) => dy[i] * derivatives[name](x[i])) }),
  };
}

for (const act of ["relu", "relu6", "silu", "sigmoid", "tanh", "elu", "softplus", { leaky: 0.1 }] as const) {
  Deno.test(`activation ${JSON.stringify(act)}: result and gradient, one float or four at a time`, async () => {
    await checkOp(op([7], act));
    await checkOp(op([2, 3, 1, 4], act));
  });
}

Deno.test("ELU and softplus lose no digits next to 0 and nothing overflows far from it", async () => {
  const small = [...fill("small", 32, -1e-4, 1e-4)], large = [-1e30, -1000, -90, -20, -0.51, -0.49];
  const x = Float32Array.from([...small, ...large, ...large.map((v) => -v)]);
  for (const act of ["elu", "softplus"] as const) {
    await gpu.step(async (gpu) => {
      const tape = new Tape(gpu), input = gpu.tensor(x);
      input.requiresGrad = true;
      const y = activation(tape, input, act);
      tape.backward(tape.record("total", gpu.tensor([0]), [y], () => {
        const { tensor } = tape.into(y)!;
        gpu.stream.write(tensor, new Float32Array(x.length).fill(1));
      }));
      const [found, gradient] = await gpu.stream.read(y, tape.gradient(input));
      x.forEach((v, i) => {
        const wanted = Math.fround(activations[act](v)), slope = Math.fround(derivatives[act](v));
        const close = (a: number, b: number, least: number) => Math.abs(a - b) <= 2e-5 * Math.abs(b) + least;
        assert.ok(close(found[i], wanted, 1e-36), `${act}(${v}) = ${found[i]}, not ${wanted}`);
        // That of ELU is 1 + its result.
        const least = act === "elu" ? 1e-7 : 1e-36;
        assert.ok(close(gradient[i], slope, least), `${act}'(${v}) = ${gradient[i]}, not ${slope}`);
      });
      assertClose(found.subarray(0, 32), small.map((v) => activations[act](Math.fround(v))), 2e-7);
    });
  }
});

Deno.test("no activation is the tensor itself; a negative slope is refused", () => {
  const tape = new Tape(gpu), x = gpu.empty([2, 3]);
  assert.equal(activation(tape, x, "none"), x);
  assert.throws(() => activation(tape, x, { leaky: -0.1 }), /a slope of at least 0 .* but found -0.1/);
});
