import assert from "node:assert/strict";
import type { Compute } from "../../src/gpu/compute.ts";
import type { FloatTensor } from "../../src/gpu/tensor.ts";
import { depthwise, packDepthwise } from "../../src/kernels/conv/depthwise.ts";
import { centred, FrozenConv, type FrozenConvOptions } from "../../src/kernels/conv/frozen.ts";
import { maxPool } from "../../src/kernels/conv/pool2d.ts";
import { resize } from "../../src/kernels/conv/resize.ts";
import { dense } from "../../src/kernels/dense/se.ts";
import { sumColumns } from "../../src/kernels/rows/columns.ts";
import { upload } from "../../src/kernels/upload.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { variants } from "../hardware.ts";
import * as reference from "../reference/backbone.ts";
import { columnSums } from "../reference/training.ts";

/** Values that f16 has: what is computed of them is off by one rounding, where sums are f32. */
const halves = (name: string, count: number): Float32Array<ArrayBuffer> =>
  Float32Array.from(Float16Array.from(fill(name, count)));

const put = (on: Compute, values: Float32Array<ArrayBuffer>, shape: readonly number[]): FloatTensor =>
  upload(on, values, shape, "f16");

const ULP = 2 ** -11; // half the distance of neighbours, over the lower one

/** Fails where a value is further off than by a rounding of its own and what float32 sums lose. */
async function assertRoundedOnce(on: Compute, y: FloatTensor, wanted: ArrayLike<number>, what: string) {
  assert.equal(y.dtype, "f16");
  const found = await on.read(y);
  assert.equal(found.length, wanted.length);
  for (let i = 0; i < found.length; i++) {
    const off = Math.abs(found[i] - wanted[i]);
    assert.ok(
      off <= 1.001 * ULP * Math.abs(wanted[i]) + 3e-6,
      `${what}: ${found[i]} for ${wanted[i]} at ${i}`,
    );
  }
}

const [B, H, W] = [2, 6, 5];

Deno.test("a frozen convolution of f16 rounds its results once, whatever kernel its shape takes", async () => {
  const cases: [C: number, O: number, k: number, options: FrozenConvOptions][] = [
    [3, 8, 3, { stride: 2, act: "relu6" }],
    [64, 28, 1, { act: "silu" }],
    [64, 28, 1, { act: "relu6" }],
    [32, 5, 3, { act: "relu" }], // channels that are no multiple of four
    [32, 12, 3, { stride: 2, act: "silu" }],
    [8, 8, 5, { depthwise: true, act: "relu6" }],
    [8, 8, 3, { depthwise: true, stride: 2, act: "silu" }],
  ];
  for (const [variant, gpu] of Object.entries(variants)) {
    for (const [C, O, k, options] of cases) {
      const { stride = 1, depthwise = false, act } = options, what = `${variant} ${[C, O, k]} ${act}`;
      const window = { stride, ...centred(H, W, k, stride) }, per = depthwise ? 1 : C, shape = [B, H, W, C];
      const x = halves("x", B * H * W * C), weight = halves("w", O * per * k * k), bias = halves("b", O);
      const z = reference.conv(x, shape, weight, bias, k, window, depthwise ? C : 1);
      using frozen = new FrozenConv(gpu, { weight, bias, out: O, in: C, kernel: k }, {
        ...options,
        dtype: "f16",
      });
      await gpu.step(async (on) => {
        const { y } = frozen.run(on, put(on, x, shape));
        await assertRoundedOnce(on, y, z.map(reference.activations[act as "relu"]), what);
      });
    }
  }
});

Deno.test("sums, gates and means of f16 are added up in f32", async () => {
  const C = 64, O = 12, shape = [B, H, W, C], out = [B, H, W, O];
  const x = halves("x", B * H * W * C), weight = halves("w", O * C), bias = halves("b", O);
  const skip = halves("skip", B * H * W * O), gates = new Float32Array(B * C).fill(0.5); // exact
  const z = reference.conv(x, shape, weight, bias, 1, { stride: 1, ...centred(H, W, 1, 1) }, 1);
  for (const [variant, gpu] of Object.entries(variants)) {
    using frozen = new FrozenConv(gpu, { weight, bias, out: O, in: C, kernel: 1 }, { dtype: "f16" });
    await gpu.step(async (on) => {
      const { y } = frozen.run(on, put(on, x, shape), { skip: put(on, skip, out) });
      await assertRoundedOnce(on, y, z.map((v, i) => v + skip[i]), `${variant} sum`);
      const gated = frozen.run(on, put(on, x, shape), { gates: put(on, gates, [B, C]) });
      await assertRoundedOnce(on, gated.y, z.map((v, i) => (v + bias[i % O]) / 2), `${variant} gates`);

      // Means of 64 × 64 values: f16 has no 4096 thirds.
      const ones = new Float32Array(64 * 64 * 4).fill(1),
        filter = packDepthwise(Float32Array.of(1, 1, 1, 1), 4, 1);
      const thirds = put(on, new Float32Array(4).fill(1 / 3), [4]);
      const { mean } = depthwise(
        on,
        put(on, ones, [1, 64, 64, 4]),
        put(on, filter, [1, 1, 4]),
        thirds,
        { stride: 1, ...centred(64, 64, 1, 1) },
        { mean: true },
      );
      await assertRoundedOnce(on, mean!, Array(4).fill(1 + Float16Array.of(1 / 3)[0]), `${variant} mean`);
    });
  }
});

Deno.test("squeeze-excite, maxima, resizing and sums over rows read f16", async () => {
  const K = 64, N = 12, x = halves("x", B * K), w = halves("w", N * K), b = halves("b", N);
  const shape = [B, 7, 10, 12], maps = halves("maps", B * 7 * 10 * 12);
  await gpu.step(async (on) => {
    const window = { stride: 1, ...centred(1, 1, 1, 1) };
    const z = reference.conv(x, [B, 1, 1, K], w, b, 1, window, 1);
    for (const act of ["silu", "sigmoid"] as const) {
      const y = dense(on, put(on, x, [B, K]), put(on, w, [N, K]), put(on, b, [N]), act);
      await assertRoundedOnce(on, y, z.map(reference.activations[act]), act);
    }
    const pooling = { stride: 2, top: 1, left: 1, outH: 4, outW: 5 };
    const largest = await on.read(maxPool(on, put(on, maps, shape), 3, pooling));
    assert.deepEqual([...largest], reference.maxPool(maps, shape, 3, pooling));

    const large = on.empty([B, 9, 11, 12]), sums = on.empty([12]);
    resize(on, put(on, maps, shape), large);
    reference.assertClose(await on.read(large), reference.resize(maps, shape, 9, 11), 3e-7);
    sumColumns(on, put(on, maps, shape), sums, { rows: 140, columns: 12 });
    reference.assertClose(await on.read(sums), columnSums(maps, 12), 1e-6);
  });
});

Deno.test("an odd number of f16 is written and read", async () => {
  const values = halves("odd", 7);
  await gpu.step(async (on) => {
    const tensor = put(on, values, [7]);
    assert.equal(tensor.bytes, 14);
    assert.deepEqual(Float32Array.from(await on.read(tensor)), values);
  });
});
