import assert from "node:assert/strict";
import { gemm } from "../../src/kernels/gemm.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { softmax } from "../../src/kernels/softmax.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { variants } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";
import * as reference from "../reference/training.ts";

const SHAPES = [[1, 1], [7, 1], [3, 4], [65, 7], [129, 36], [2, 131], [1, 1028]];
const DROP = { p: 0.3, seed: 0xfedcba98 };

/** The gradient of the softmax's argument: dy times the unit matrix, through the softmax y on the GPU, whose values are p. */
function backward(
  on: Gpu,
  dy: ArrayLike<number>,
  y: Tensor,
  p: Float64Array,
  drop?: typeof DROP,
  first = 0,
): Tensor {
  const [rows, columns] = y.shape, c = gpu.empty(y.shape);
  const g = reference.dropout(dy, drop, first);
  const dots = Float32Array.from(
    { length: rows },
    (_, r) => reference.sum(columns, (j) => p[r * columns + j] * g[r * columns + j]),
  );
  const unit = Float32Array.from({ length: columns ** 2 }, (_, i) => i % (columns + 1) === 0 ? 1 : 0);
  const through = { y, dots: gpu.tensor(dots), layout: { ld: 1 } };
  const alpha = drop ? 1 / (1 - drop.p) : 1;
  gemm(on, {
    a: gpu.tensor(dy),
    b: gpu.tensor(unit),
    c,
    M: rows,
    N: columns,
    K: columns,
    alpha,
    softmax: through,
  });
  return c;
}

for (const [name, on] of Object.entries(variants)) {
  Deno.test(`softmax and its gradient, ${name}, meet plain loops`, async () => {
    for (const [rows, columns] of SHAPES) {
      for (const drop of [undefined, DROP]) {
        const x = fill("x", rows * columns, -9, 9), dy = fill("dy", rows * columns), first = 8 * columns;
        const y = gpu.tensor(x, [rows, columns]), p = reference.softmax(x, columns);
        softmax(on, y, drop, first);
        const [found, gradient] = await gpu.stream.read(y, backward(on, dy, y, p, drop, first));
        // A weight that is dropped has a minus sign.
        const marked = p.map((v, i) => reference.mask(first + i, drop) ? v : -v);
        assertClose(found, marked, 1e-6, `${rows}×${columns}`);
        const wanted = reference.softmaxBackward(dy, p, columns, drop, first);
        if (columns === 1) assert.ok(gradient.every((g) => Math.abs(g) < 1e-6));
        else assertClose(gradient, wanted, 2e-6, `gradient ${rows}×${columns}`);
      }
    }
  });
}

Deno.test("softmax takes any values", async () => {
  const x = [1e4, -1e4, 1e4, -3.4e38, -3.4e38, -3.4e38, 80, 79, 78];
  const y = gpu.tensor(x, [3, 3]);
  softmax(gpu, y);
  assertClose(await gpu.read(y), reference.softmax(x, 3), 1e-6);
});

Deno.test("softmax over more rows than one dimension of workgroups reaches", async () => {
  const rows = 2 * 65535 + 3, x = fill("x", rows * 2); // hardware: two rows a workgroup
  const y = gpu.tensor(x, [rows, 2]);
  softmax(variants.hardware, y);
  assertClose(await gpu.read(y), reference.softmax(x, 2), 1e-6);
});

Deno.test("what is dropped does not depend on how the rows are parted", async () => {
  for (const columns of [5, 8]) {
    const x = fill("x", 12 * columns), whole = gpu.tensor(x, [12, columns]);
    softmax(gpu, whole, DROP);
    const parts = [0, 3, 8].map((row, i, rows) => {
      const end = rows[i + 1] ?? 12;
      const part = gpu.tensor(x.subarray(row * columns, end * columns), [end - row, columns]);
      softmax(gpu, part, DROP, row * columns);
      return part;
    });
    const [all, ...some] = await gpu.stream.read(whole, ...parts);
    assert.deepEqual(some.flatMap((part) => [...part]), [...all]);
  }
});

Deno.test("a product that rectifies takes the weights through their dropout", async () => {
  const [N, L, d] = [6, 8, 4], x = fill("x", N * L), v = fill("v", L * d);
  const p = gpu.tensor(x, [N, L]), c = gpu.empty([N, d]);
  softmax(gpu, p, DROP);
  const alpha = 1 / (1 - DROP.p);
  gemm(gpu, { a: p, b: gpu.tensor(v), c, M: N, N: d, K: L, rectify: true, alpha });
  const used = reference.dropout(reference.softmax(x, L), DROP);
  const wanted = reference.gemm({ a: used, b: v, c: new Float64Array(N * d), M: N, N: d, K: L });
  assertClose(await gpu.read(c), wanted, 1e-6);
});
