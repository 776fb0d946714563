/**
 * Layers where they are more than an op: what a batch of one value a channel is normalised by, and enlarged maps.
 *
 * @module
 */
import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import { Tape } from "../../src/autograd/tape.ts";
import { batchNorm, upsample } from "../../src/model/layers.ts";
import { Network } from "../../src/model/network.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";

Deno.test("a batch of one value a channel is normalised by the running statistics, which stay", async () => {
  const C = 3,
    values = new Map(
      ["weight", "bias", "running_mean", "running_var"].map((name) =>
        [`norm.${name}`, { data: fill(name, C, 0.5, 2) }] as const
      ),
    );
  using network = new Network(gpu, { norm: batchNorm(C) }, values);
  const pass = (x: Float32Array, training: boolean) =>
    gpu.step((scope) => {
      const y = network.forward("norm", new Tape(scope), scope.tensor(x, [x.length / C, C]), { training });
      return scope.read(y);
    });
  const one = fill("one", C), before = await network.read();
  deepEqual(await pass(one, true), await pass(one, false));
  deepEqual(await network.read(), before);
  const two = fill("two", 2 * C);
  notDeepEqual(await pass(two, true), await pass(two, false));
  notDeepEqual(await network.read(), before);
});

Deno.test("maps are enlarged by a factor", async () => {
  await gpu.step(async (scope) => {
    const x = scope.tensor([1, 2, 3, 4, 5, 6], [1, 2, 3, 1]);
    const value = (): never => {
      throw new Error("Expected no value to be asked for");
    };
    const y = upsample(2).forward(x, { tape: new Tape(scope), training: false, value });
    deepEqual(y.shape, [1, 4, 6, 1]);
    const found = await scope.read(y);
    equal([...found].join(" "), "1 1 2 2 3 3 1 1 2 2 3 3 4 4 5 5 6 6 4 4 5 5 6 6");
  });
});
