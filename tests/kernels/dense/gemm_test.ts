import assert from "node:assert/strict";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import type { Tensor } from "../../../src/gpu/tensor.ts";
import { type Activation, type Gemm, gemm, type Layout } from "../../../src/kernels/dense/gemm.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { alone, hardware, variants } from "../../hardware.ts";
import { assertClose } from "../../reference/backbone.ts";
import * as reference from "../../reference/training.ts";

const BOTH = [false, true];
const TOLERANCE = 1e-6; // float32 sums of up to 1032 products

/** A product without its tensors. */
type Sizes = Omit<Gemm, "a" | "b" | "c" | "bias" | "residual">;
/** A product with the length of its bias, if it has one, and whether there is a residual. */
type Product = Sizes & { bias?: number; residual?: boolean };
type Operand = "a" | "b" | "c";

/** Floats that an operand of `rows` rows spans in memory. */
function span({ ld, offset = 0, outer = 0, inner = 0 }: Layout, rows: number, g: Sizes): number {
  return offset + ((g.outer ?? 1) - 1) * outer + ((g.inner ?? 1) - 1) * inner + rows * ld;
}

/** The operands' memory; what lies between their rows is NaN in A and B, and must stay as it is in C. */
function operands(g: Sizes): Record<Operand, Float32Array<ArrayBuffer>> {
  const build = (x: Operand, layout: Layout, rows: number, columns: number) => {
    const { ld, offset = 0, outer = 0, inner = 0 } = layout;
    const values = fill(x, span(layout, rows, g));
    if (x === "c") return values;
    const inside = new Uint8Array(values.length);
    for (let z = 0; z < (g.outer ?? 1) * (g.inner ?? 1); z++) {
      const start = offset + Math.floor(z / (g.inner ?? 1)) * outer + z % (g.inner ?? 1) * inner;
      for (let r = 0; r < rows; r++) inside.fill(1, start + r * ld, start + r * ld + columns);
    }
    return values.map((v, i) => inside[i] ? v : NaN);
  };
  const [rowsA, columnsA] = g.transA ? [g.K, g.M] : [g.M, g.K];
  const [rowsB, columnsB] = g.transB ? [g.N, g.K] : [g.K, g.N];
  return {
    a: build("a", g.layoutA ?? { ld: columnsA }, rowsA, columnsA),
    b: build("b", g.layoutB ?? { ld: columnsB }, rowsB, columnsB),
    c: build("c", g.layoutC ?? { ld: g.N }, g.M, g.N),
  };
}

/** Runs products on the GPU and in plain loops, and compares all of C's memory; returns what came from the GPU. */
async function check(
  on: Gpu,
  products: Product[],
): Promise<Float32Array[]> {
  const found = await gpu.step((gpu) => {
    const results = products.map(({ bias, residual, ...g }): Tensor => {
      const { a, b, c } = operands(g);
      const result = gpu.tensor(c);
      gemm(on, {
        ...g,
        a: gpu.tensor(a),
        b: gpu.tensor(b),
        c: result,
        bias: bias ? gpu.tensor(fill("bias", bias)) : undefined,
        residual: residual ? gpu.tensor(fill("residual", c.length)) : undefined,
      });
      return result;
    });
    return gpu.stream.read(...results);
  });
  products.forEach(({ bias, residual, ...g }, i) => {
    const host = operands(g);
    const extra = {
      bias: bias ? fill("bias", bias) : undefined,
      residual: residual ? fill("residual", host.c.length) : undefined,
    };
    const wanted = reference.gemm({ ...g, ...host, ...extra });
    assertClose(found[i], wanted, TOLERANCE, JSON.stringify(products[i]));
  });
  return found;
}

for (const [name, on] of Object.entries({ "software without subgroups": alone, hardware })) {
  Deno.test(`gemm, ${name}: every transpose, way of reading and tile, on awkward sizes`, async () => {
    const before = gpu.stream.counts.pipelines;
    const products: Sizes[] = [];
    for (const transA of BOTH) {
      for (const transB of BOTH) {
        const flags = { transA, transB };
        for (const [M, N, K] of [[1, 1, 1], [1, 7, 3], [13, 1, 2], [2, 3, 5], [17, 31, 29], [37, 9, 130]]) {
          products.push({ M, N, K, ...flags }); // one float at a time
        }
        for (const [M, N, K] of [[4, 4, 4], [12, 20, 8], [transA ? 68 : 67, 36, 44]]) {
          products.push({ M, N, K, ...flags }); // four floats at a time, the small tile
        }
        // The large tile: there are enough of them, or K is long (and the batch rules out splitting it).
        products.push({ M: 132, N: 148, K: 20, ...flags });
        const M = 20, N = 12, K = 1028;
        products.push({ M, N, K, ...flags, ...batchOf(2, 1, { ...flags, M, N, K }) });
      }
    }
    await check(on, products);
    assert.equal(
      gpu.stream.counts.pipelines - before,
      12,
      "kernels: 4 transposes, scalar and 2 tiles of vec4",
    );
  });

  Deno.test(`gemm, ${name}: a long K over few outputs is split, with the same bits in every run`, async () => {
    const before = gpu.stream.counts.dispatches;
    const products = [
      { M: 5, N: 8, K: 1032 },
      { M: 5, N: 7, K: 1031, beta: 1 as const, alpha: 0.25 },
      { M: 12, N: 8, K: 516, transA: true, beta: 1 as const, layoutC: { ld: 8, offset: 16 } },
      { M: 1, N: 1, K: 513, alpha: -2, transB: true },
    ];
    const first = await check(on, products);
    assert.equal(gpu.stream.counts.dispatches - before, 2 * products.length);
    assert.deepEqual(await check(on, products), first);
  });
}

/** Layouts of a batch with gaps between rows and matrices, all multiples of 4 where `four`. */
function batchOf(outer: number, inner: number, g: Sizes, four = true): Partial<Sizes> {
  const up = (n: number) => four ? Math.ceil(n / 4) * 4 : n;
  const gap = four ? 4 : 3;
  const layout = (rows: number, columns: number): Layout => {
    const ld = up(columns) + gap, size = rows * ld;
    // The inner batch in reverse memory order to the outer: their strides are independent.
    return { ld, offset: gap, outer: size + gap, inner: outer * (size + gap) };
  };
  return {
    outer,
    inner,
    layoutA: g.transA ? layout(g.K, g.M) : layout(g.M, g.K),
    layoutB: g.transB ? layout(g.N, g.K) : layout(g.K, g.N),
    layoutC: layout(g.M, g.N),
  };
}

Deno.test("gemm, software with subgroups: the last tiles overlap those before, also where they add to C", async () => {
  const products: Product[] = [];
  for (const transA of BOTH) {
    for (const transB of BOTH) {
      for (
        const [M, N, K] of [[32, 24, 4], [transA ? 36 : 33, 28, 8], [64, 48, 12], [
          transA ? 132 : 131,
          76,
          20,
        ]]
      ) {
        const g = { M, N, K, transA, transB };
        products.push(
          g,
          { ...g, beta: 1 },
          { ...g, ...batchOf(2, 2, g) },
          { ...g, ...batchOf(2, 1, g), beta: 1, alpha: 0.5 },
        );
      }
      const g = { M: 44, N: 28, K: 8, transA, transB, bias: 28, drop: { p: 0.4, seed: 77 }, residual: true };
      for (const beta of [0, 1] as const) products.push({ ...g, act: "relu", beta });
    }
  }
  const before = gpu.stream.counts.pipelines;
  await check(variants.software, products);
  if (gpu.profile.subgroup > 0) {
    assert.equal(gpu.stream.counts.pipelines - before, 16, "kernels: 4 transposes and 4 epilogues");
  }
});

Deno.test("gemm, software with subgroups: K of a weight gradient is split, with the same bits in every run", async () => {
  const g = { M: 76, N: 52, K: 1100, transA: true, layoutC: { ld: 52, offset: 8 } };
  const products = [g, { ...g, beta: 1 as const }, { ...g, K: 516, alpha: 0.25 }];
  const first = await check(variants.software, products);
  assert.deepEqual(await check(variants.software, products), first);
});

Deno.test("gemm, software: rows are the same bits beside others as alone, with subgroups and without", async () => {
  const [M, N, K] = [67, 36, 640], a = fill("a", M * K), b = gpu.tensor(fill("b", N * K));
  const rows = async (on: Gpu, M: number) => {
    const c = gpu.empty([M, N]);
    gemm(on, { a: gpu.tensor(a.slice(0, M * K)), b, c, M, N, K, transB: true, whole: true });
    return await gpu.read(c);
  };
  const all = await rows(variants.software, M);
  for (const few of [1, 31, 32, 66]) {
    assert.deepEqual(await rows(variants.software, few), all.slice(0, few * N));
  }
  assert.deepEqual(await rows(alone, M), all);
});

Deno.test("gemm: batches lie anywhere, and what is between their rows is neither read nor written", async () => {
  const products: Sizes[] = [];
  for (const [M, N, K] of [[8, 12, 4], [20, 4, 16], [7, 5, 3], [1, 1, 9]]) {
    for (const [transA, transB] of [[false, false], [false, true], [true, false]]) {
      const g = { M, N, K, transA, transB };
      products.push({ ...g, ...batchOf(3, 2, g, M % 4 === 0) });
    }
  }
  await check(gpu, products);
});

Deno.test("gemm: heads of tokens side by side, as attention lays them out", async () => {
  const products: Sizes[] = [];
  for (const [B, A, N, d] of [[2, 2, 8, 4], [2, 3, 5, 3]]) {
    const D = A * d,
      tokens = { ld: D, outer: N * D, inner: d },
      square = { ld: N, outer: A * N * N, inner: N * N };
    const batch = { outer: B, inner: A };
    products.push(
      {
        M: N,
        N,
        K: d,
        transB: true,
        ...batch,
        layoutA: tokens,
        layoutB: tokens,
        layoutC: square,
        alpha: 0.5,
      },
      { M: N, N: d, K: N, ...batch, layoutA: square, layoutB: tokens, layoutC: tokens, beta: 1 },
      { M: N, N: d, K: N, transA: true, ...batch, layoutA: square, layoutB: tokens, layoutC: tokens },
    );
  }
  await check(gpu, products);
});

Deno.test("gemm: bias, activations, residual, alpha, beta and dropout, in this order", async () => {
  const drop = { p: 0.4, seed: 77 };
  const products: Product[] = [];
  for (const sizes of [{ M: 12, N: 20, K: 8 }, { M: 13, N: 7, K: 5 }]) {
    const { N } = sizes;
    for (const act of ["none", "relu", "silu", "sigmoid"] as Activation[]) {
      products.push({ ...sizes, act, bias: N }, { ...sizes, act, drop });
    }
    products.push(
      { ...sizes, alpha: -1.5, bias: N + 8, offBias: N % 4 ? 5 : 8 },
      { ...sizes, residual: true },
      { ...sizes, beta: 1 },
      { ...sizes, act: "silu", bias: N, drop, residual: true, alpha: 0.3, beta: 1 },
      { ...sizes, drop, ...batchOf(2, 1, sizes, N % 4 === 0) },
    );
  }
  await check(gpu, products);
});

Deno.test("gemm: the tiles for large products", async () => {
  const M = 1028, N = 516, K = 380;
  for (
    const [on, flags] of [[gpu, { transB: true }], [gpu, {}], [gpu, { transA: true }], [alone, {
      transA: true,
    }]] as const
  ) {
    const g: Sizes = { M, N, K, ...flags }, { a, b } = operands(g);
    const found = await gpu.step((gpu) => {
      const c = gpu.empty([M, N]);
      gemm(on, { ...g, a: gpu.tensor(a), b: gpu.tensor(b), c });
      return gpu.read(c);
    });
    // Too many for plain loops: rows and columns a prime apart, and the last ones.
    const some = (n: number) =>
      Array.from({ length: n }, (_, i) => i).filter((i) => i % 37 === 0 || i === n - 1);
    const at = some(M).flatMap((m) => some(N).map((n) => [m, n]));
    const wanted = at.map(([m, n]) =>
      reference.sum(K, (k) => a[g.transA ? k * M + m : m * K + k] * b[g.transB ? n * K + k : k * N + n])
    );
    assertClose(at.map(([m, n]) => found[m * N + n]), wanted, TOLERANCE);
  }
});

Deno.test("gemm: a sigmoid and SiLU of large arguments stay finite", async () => {
  for (const [act, wanted] of [["sigmoid", [0, 1]], ["silu", [0, 200]]] as const) {
    const c = gpu.empty([2, 1]);
    gemm(gpu, { a: gpu.tensor([-200, 200]), b: gpu.tensor([1]), c, M: 2, N: 1, K: 1, act });
    assert.deepEqual([...await gpu.read(c)].map((v) => v + 0), wanted);
  }
});
