import { fold, unfold } from "../../../src/kernels/conv/unfold.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose } from "../../reference/backbone.ts";
import { make } from "../../reference/training.ts";

const CASES = [[1, 1, 1, 1], [2, 3, 5, 4], [3, 4, 2, 7], [1, 1, 6, 3], [2, 16, 16, 33]];

/** Where columns [B·H·W, 9·C] come from in x [B, H, W, C]: −1 outside of the map. */
function sources([B, H, W, C]: number[]): Float64Array {
  return make(B * H * W * 9 * C, (n) => {
    const t = n % 9, c = Math.floor(n / 9) % C, r = Math.floor(n / 9 / C);
    const i = Math.floor(r / W) % H + Math.floor(t / 3) - 1, j = r % W + t % 3 - 1;
    const inside = i >= 0 && i < H && j >= 0 && j < W;
    return inside ? ((Math.floor(r / W / H) * H + i) * W + j) * C + c : -1;
  });
}

for (const shape of CASES) {
  Deno.test(`patches of [${shape}] and their gradient meet plain loops, whole and in parts`, async () => {
    const [B, H, W, C] = shape, M = B * H * W, from = sources(shape);
    const x = fill("x", M * C), dcolumns = fill("dcolumns", M * 9 * C), before = fill("dx", M * C);
    const parts = [[0, M], [0, Math.ceil(M / 3)], [Math.ceil(M / 3), M], [M - 1, M]].filter(([a, b]) =>
      a < b
    );
    for (const [first, end] of parts) {
      const columns = gpu.empty([end - first, 9 * C]);
      unfold(gpu, gpu.tensor(x, shape), columns, first);
      const within = (n: number) => n >= first * 9 * C && n < end * 9 * C;
      const wanted = from.filter((_, n) => within(n)).map((at) => at < 0 ? 0 : x[at]);
      assertClose(await gpu.read(columns), wanted, 0);

      const gradient = gpu.tensor(dcolumns.filter((_, n) => within(n)), [end - first, 9 * C]);
      for (const add of [false, true]) {
        const dx = gpu.tensor(before, shape), wanted = make(M * C, (i) => add ? before[i] : 0);
        fold(gpu, gradient, dx, first, add);
        from.forEach((at, n) => {
          if (at >= 0 && within(n)) wanted[at] += dcolumns[n];
        });
        assertClose(await gpu.read(dx), wanted, 1e-6, `${[first, end, add]}`);
      }
    }
  });
}
