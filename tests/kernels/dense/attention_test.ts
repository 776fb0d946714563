import { deepEqual } from "node:assert/strict";
import { attention, attentionKeys, attentionQueries } from "../../../src/kernels/dense/attention.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { alone, variants } from "../../hardware.ts";
import * as reference from "../../reference/attention.ts";
import { assertClose } from "../../reference/backbone.ts";

const DROP = { p: 0.3, seed: 0xfedcba98 };
const SHAPES = [
  { B: 2, N: 5, L: 7, D: 6, A: 2 }, // heads of 3 values
  { B: 1, N: 50, L: 29, D: 16, A: 2 }, // more rows than a thread has
];

for (const [name, on] of Object.entries({ ...variants, "software without subgroups": alone })) {
  Deno.test(`attention and its gradients, ${name}, meet plain loops`, async () => {
    for (const sizes of on === alone ? SHAPES.slice(0, 1) : SHAPES) { // there is much to compile
      for (const drop of [undefined, DROP]) {
        const { B, N, L, D, A } = sizes, what = `${Object.values(sizes)}, ${drop ? "dropout" : "none"}:`;
        const x = { q: fill("q", B * N * D, -2, 2), k: fill("k", B * L * D, -2, 2), v: fill("v", B * L * D) };
        const dy = fill("dy", B * N * D), there = fill("there", B * L * D);
        const q = gpu.tensor(x.q, [B, N, D]), k = gpu.tensor(x.k, [B, L, D]), v = gpu.tensor(x.v, [B, L, D]);
        const y = gpu.empty([B, N, D]), stats = gpu.empty([B, A, N, 2]), gdy = gpu.tensor(dy);
        const dq = gpu.empty([B, N, D]), dk = gpu.tensor(there), dv = gpu.empty([B, L, D]);
        const of = { q, k, v, heads: A, drop };
        attention(on, of, y, stats);
        attentionQueries(on, of, y, stats, gdy, { tensor: dq, add: false });
        attentionKeys(on, of, stats, gdy, { tensor: dk, add: true }, { tensor: dv, add: false });
        const [fy, fq, fk, fv] = await gpu.stream.read(y, dq, dk, dv);
        const wanted = reference.attentionBackward(dy, x.q, x.k, x.v, sizes, drop);
        assertClose(fy, reference.attention(x.q, x.k, x.v, sizes, drop), 1e-6, `${what} y`);
        assertClose(fq, wanted.dq, 3e-6, `${what} dq`);
        assertClose(fk, wanted.dk.map((g, i) => g + there[i]), 3e-6, `${what} dk`);
        assertClose(fv, wanted.dv, 3e-6, `${what} dv`);
      }
    }
  });
}

Deno.test("attention takes scores of any size", async () => {
  const x = [1e4, -1e4, 9999, -3e4, 0, 80], q = [1, -1], ones = [1, 2, 3, 4, 5, 6];
  const y = gpu.empty([1, 2, 1]), of = { q: gpu.tensor(q, [1, 2, 1]), heads: 1 };
  attention(
    gpu,
    { ...of, k: gpu.tensor(x, [1, 6, 1]), v: gpu.tensor(ones, [1, 6, 1]) },
    y,
    gpu.empty([2, 2]),
  );
  const wanted = reference.attention(q, x, ones, { B: 1, N: 2, L: 6, D: 1, A: 1 });
  assertClose(await gpu.read(y), wanted, 1e-6);
});

Deno.test("an image's attention does not depend on the others", async () => {
  const [N, D] = [20, 8], one = fill("q", N * D), rest = fill("rest", 2 * N * D);
  const attend = async (B: number, values: Float32Array) => {
    const x = gpu.tensor(values, [B, N, D]), y = gpu.empty([B, N, D]);
    attention(gpu, { q: x, k: x, v: x, heads: 2 }, y, gpu.empty([B, 2, N, 2]));
    return (await gpu.read(y)).subarray(0, N * D);
  };
  deepEqual(await attend(1, one), await attend(3, Float32Array.of(...one, ...rest)));
});
