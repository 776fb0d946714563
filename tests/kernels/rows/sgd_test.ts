import { sgdStep } from "../../../src/kernels/rows/sgd.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose } from "../../reference/backbone.ts";
import { sgd, sum } from "../../reference/training.ts";

Deno.test("SGD meets plain loops, also over more parameters than one dimension of workgroups reaches", async () => {
  const cases = [[68, 0, false, 0], [68, 0.9, false, 0.1], [64 * 4096 * 4 + 4, 0.9, true, 1e6]] as const;
  for (const [n, momentum, nesterov, clip] of cases) {
    const settings = { lr: 0.01, weight_decay: 0.1, momentum, nesterov, clip };
    const values = fill("p", n), gradient = fill("gradient", n);
    const [parameters, gradients, velocity] = [values, gradient, new Float32Array(n)].map((x) =>
      gpu.tensor(x)
    );
    const squares = gpu.tensor([sum(n, (i) => gradient[i] ** 2)]);
    const state = { p: Float64Array.from(values), velocity: new Float64Array(n) };
    for (let t = 1; t <= 3; t++) {
      sgdStep(gpu, { parameters, gradients, velocity }, settings, squares);
      sgd(state, gradient, settings);
    }
    const found = await gpu.stream.read(parameters, velocity);
    assertClose(found[0], state.p, 1e-6, `${n}:`);
    assertClose(found[1], state.velocity, 1e-6, `velocity of ${n}:`);
  }
});
