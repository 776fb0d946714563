/**
 * Layers where they are more than an op: what a batch of one value a channel is normalised by, and enlarged maps.
 *
 * @module
 */
import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import { mean } from "../../src/autograd/reductions.ts";
import { Tape } from "../../src/autograd/tape.ts";
import {
  act,
  batchNorm,
  conv2d,
  convTranspose2d,
  type Layer,
  sequential,
  upsample,
} from "../../src/model/layers.ts";
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

Deno.test("a convolution and the activation behind it are one kernel, with the same values and gradients", async () => {
  const tanh = act("tanh"), alone = { ...tanh, act: undefined };
  for (const conv of [conv2d(4, 4, 3), conv2d(4, 4, 3, { groups: 4 }), convTranspose2d(4, 4, 3)]) {
    const results = [];
    for (const [layer, dispatches] of [[tanh, 0], [alone, 1]] as const) {
      using network = new Network(gpu, { net: sequential(conv, layer) }, valuesOf(sequential(conv, layer)));
      results.push(
        await gpu.step(async (scope) => {
          const tape = new Tape(scope);
          const x = scope.tensor(fill("x", 200), [2, 5, 5, 4]), before = gpu.stream.counts.dispatches;
          const y = network.forward("net", tape, x), took = gpu.stream.counts.dispatches - before;
          tape.backward(mean(tape, y));
          const weight = tape.gradient(network.parameters.get("net.0.weight"));
          return { read: await scope.stream.read(y, weight), rest: took - dispatches };
        }),
      );
    }
    deepEqual(results[0], results[1]);
  }
});

/** Made-up values of a network whose only part is called net. */
function valuesOf(net: Layer): Map<string, { data: Float32Array<ArrayBuffer> }> {
  return new Map(
    Object.entries(net.parameters).map(([name, { shape }]) => [
      `net.${name}`,
      { data: fill(name, shape.reduce((a, b) => a * b)) },
    ]),
  );
}
