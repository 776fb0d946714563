import assert from "node:assert/strict";
import { centred, FrozenConv, type FrozenConvOptions } from "../../../src/kernels/conv/frozen.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { activations, assertClose, conv, positionMean } from "../../reference/backbone.ts";

/** Values for a convolution, and x [2, 6, 5, C] with its result by plain loops before the activation. */
function made(C: number, O: number, k: number, { stride = 1, depthwise = false }: FrozenConvOptions) {
  const window = { stride, ...centred(6, 5, k, stride) }, per = depthwise ? 1 : C, shape = [2, 6, 5, C];
  const x = fill("x", 60 * C), weight = fill("w", O * per * k * k), bias = fill("b", O);
  const z = conv(x, shape, weight, bias, k, window, depthwise ? C : 1);
  return {
    x,
    shape,
    z,
    values: { weight, bias, out: O, in: C, kernel: k },
    out: [2, window.outH, window.outW, O],
  };
}

Deno.test("a frozen convolution is one convolution, whatever kernel its shape takes", async () => {
  const cases: [C: number, O: number, k: number, options: FrozenConvOptions][] = [
    [3, 8, 3, { stride: 2, act: "relu6" }], // few channels
    [8, 12, 1, { act: "silu" }],
    [8, 12, 1, { act: "relu6" }], // 1×1 with what the kernel for that does not have
    [8, 4, 3, { stride: 2, act: "relu" }],
    [8, 8, 5, { depthwise: true, act: "relu6" }],
  ];
  for (const [C, O, k, options] of cases) {
    const { x, shape, z, values, out } = made(C, O, k, options);
    const before = gpu.memory.stats().inUse;
    const frozen = new FrozenConv(gpu, values, options);
    assert.deepEqual([frozen.in, frozen.out], [C, O]);
    await gpu.step(async (on) => {
      const { y, mean } = frozen.run(on, on.tensor(x, shape));
      assert.deepEqual(y.shape, out);
      assert.equal(mean, null);
      assertClose(await on.read(y), z.map(activations[options.act as "relu"]), 1e-6, `${[C, O, k]}`);
    });
    frozen[Symbol.dispose]();
    assert.equal(gpu.memory.stats().inUse, before);
  }
});

Deno.test("a frozen convolution sums, gates, pools, and pads its input's channels", async () => {
  await gpu.step(async (on) => {
    const one = made(8, 4, 1, {}), skip = fill("skip", one.z.length), halves = fill("x", 16).fill(0.5);
    const gated = new FrozenConv(on, one.values);
    const added = gated.run(on, on.tensor(one.x, one.shape), { skip: on.tensor(skip, one.out) });
    assertClose(await on.read(added.y), one.z.map((v, i) => v + skip[i]), 1e-6);
    const gates = on.tensor(halves, [2, 8]);
    const { y } = gated.run(on, on.tensor(one.x, one.shape), { gates });
    assertClose(await on.read(y), one.z.map((v, i) => (v + one.values.bias[i % 4]) / 2), 1e-6);

    const own = made(8, 8, 3, { depthwise: true });
    const { mean } = new FrozenConv(on, own.values, { depthwise: true })
      .run(on, on.tensor(own.x, own.shape), { mean: true });
    assertClose(await on.read(mean!), positionMean(own.z, [2, 30, 8]), 2e-6);

    const wide = made(3, 4, 1, {}), padded = new FrozenConv(on, wide.values); // whose kernel reads four channels at once
    assert.equal(padded.in, 4);
    const four = Float32Array.from(
      { length: 240 },
      (_, i) => i % 4 < 3 ? wide.x[Math.floor(i / 4) * 3 + i % 4] : 9,
    );
    assertClose(await on.read(padded.run(on, on.tensor(four, [2, 6, 5, 4])).y), wide.z, 1e-6);
  });
});

Deno.test("a frozen convolution refuses what its kernel would leave out", async () => {
  await gpu.step((on) => {
    const x = on.empty([1, 4, 4, 8]);
    const dense = new FrozenConv(on, made(8, 8, 3, {}).values);
    const single = new FrozenConv(on, made(8, 8, 1, {}).values, { act: "silu" });
    assert.throws(
      () => dense.run(on, x, { gates: on.empty([1, 8]) }),
      /a dense convolution .* but found gates/,
    );
    assert.throws(() => dense.run(on, x, { mean: true }), /but found means/);
    assert.throws(() => single.run(on, x, { skip: x }), /a pointwise convolution .* but found a sum/);
  });
});
