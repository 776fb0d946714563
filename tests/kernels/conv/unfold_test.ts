import assert from "node:assert/strict";
import { type Geometry, geometryOf } from "../../../src/kernels/conv/geometry.ts";
import { fold, unfold } from "../../../src/kernels/conv/unfold.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose } from "../../reference/backbone.ts";
import { make } from "../../reference/training.ts";

const CASES: [shape: number[], k: number, options: Parameters<typeof geometryOf>[2]][] = [
  [[1, 1, 1, 1], 3, { padding: 1 }],
  [[2, 3, 5, 4], 3, { padding: 1 }],
  [[1, 1, 6, 3], 3, { padding: 1 }],
  [[2, 16, 16, 33], 3, { padding: 1 }],
  [[3, 4, 5, 7], 4, { padding: 1, stride: 2 }],
  [[2, 9, 8, 3], 3, { padding: 2, dilation: 2, stride: 2 }],
  [[2, 7, 9, 2], 7, {}],
];

/** Where columns [B·outH·outW, k²·C] come from in x [B, H, W, C]: −1 outside of the map. */
function sources(
  [B, H, W, C]: number[],
  { k, outH, outW, stride, padding, dilation }: Geometry,
): Float64Array {
  const taps = k * k;
  return make(B * outH * outW * taps * C, (n) => {
    const t = n % taps, c = Math.floor(n / taps) % C, r = Math.floor(n / taps / C);
    const i = Math.floor(r / outW) % outH * stride + Math.floor(t / k) * dilation - padding;
    const j = r % outW * stride + t % k * dilation - padding;
    const inside = i >= 0 && i < H && j >= 0 && j < W;
    return inside ? ((Math.floor(r / outW / outH) * H + i) * W + j) * C + c : -1;
  });
}

for (const [shape, k, options] of CASES) {
  Deno.test(`patches of [${shape}], ${k}×${k} ${JSON.stringify(options)}, and their gradient meet plain loops`, async () => {
    const [B, H, W, C] = shape, g = geometryOf([H, W], k, options), from = sources(shape, g);
    const M = B * g.outH * g.outW, K = k * k * C, size = B * H * W * C;
    const x = fill("x", size), dcolumns = fill("dcolumns", M * K), before = fill("dx", size);
    const parts = [[0, M], [0, Math.ceil(M / 3)], [Math.ceil(M / 3), M], [M - 1, M]].filter(([a, b]) =>
      a < b
    );
    for (const [first, end] of parts) {
      const columns = gpu.empty([end - first, K]);
      unfold(gpu, gpu.tensor(x, shape), columns, first, g);
      const within = (n: number) => n >= first * K && n < end * K;
      const wanted = from.filter((_, n) => within(n)).map((at) => at < 0 ? 0 : x[at]);
      assert.deepEqual(await gpu.read(columns), Float32Array.from(wanted));

      const gradient = gpu.tensor(dcolumns.filter((_, n) => within(n)), [end - first, K]);
      for (const add of [false, true]) {
        const dx = gpu.tensor(before, shape), wanted = make(size, (i) => add ? before[i] : 0);
        fold(gpu, gradient, dx, first, add, g);
        from.forEach((at, n) => {
          if (at >= 0 && within(n)) wanted[at] += dcolumns[n];
        });
        assertClose([1, ...await gpu.read(dx)], [1, ...wanted], 1e-6, `${[first, end, add]}`);
      }
    }
  });
}
