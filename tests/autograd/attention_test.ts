import assert from "node:assert/strict";
import { attention } from "../../src/autograd/attention.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { gpu } from "../gpu.ts";
import { hardware } from "../hardware.ts";
import * as reference from "../reference/attention.ts";
import { backwardDispatches, checkOp, type Op } from "./check.ts";

function op(sizes: reference.AttentionSizes, dropout = 0): Op<"q" | "k" | "v"> {
  const { B, N, L, D, A } = sizes;
  return {
    inputs: { q: [B, N, D], k: [B, L, D], v: [B, L, D] },
    dropout,
    run: (tape, { q, k, v }) => attention(tape, q, k, v, A, dropout),
    forward: ({ q, k, v }, drop) => reference.attention(q, k, v, sizes, drop),
    backward(dy, { q, k, v }, drop) {
      const { dq, dk, dv } = reference.attentionBackward(dy, q, k, v, sizes, drop);
      return { q: dq, k: dk, v: dv };
    },
  };
}

for (const dropout of [0, 0.3]) {
  Deno.test(`attention with dropout ${dropout}: result and gradients`, async () => {
    await checkOp(op({ B: 2, N: 3, L: 5, D: 6, A: 2 }, dropout)); // one float at a time
    await checkOp(op({ B: 2, N: 4, L: 8, D: 8, A: 2 }, dropout)); // four
    await checkOp(op({ B: 1, N: 19, L: 18, D: 8, A: 2 }, dropout)); // more than one thread's queries and keys
    await checkOp({ ...op({ B: 1, N: 4, L: 7, D: 8, A: 1 }, dropout), on: hardware });
  });

  Deno.test(`attention of a tensor to itself with dropout ${dropout}`, async () => {
    const sizes = { B: 2, N: 3, L: 3, D: 4, A: 2 };
    await checkOp<"x">({
      inputs: { x: [2, 3, 4] },
      dropout,
      run: (tape, { x }) => attention(tape, x, x, x, 2, dropout),
      forward: ({ x }, drop) => reference.attention(x, x, x, sizes, drop),
      backward(dy, { x }, drop) {
        const { dq, dk, dv } = reference.attentionBackward(dy, x, x, x, sizes, drop);
        return { x: dq.map((g, i) => g + dk[i] + dv[i]) };
      },
    });
  });
}

Deno.test("attention of one token to one token is its value", async () => {
  const tape = new Tape(gpu), one = (x: number) => gpu.tensor([x], [1, 1, 1]);
  assert.deepEqual([...await gpu.read(attention(tape, one(3), one(-5), one(0.25), 1))], [0.25]);
});

Deno.test("a frozen input of attention costs nothing", async () => {
  const heads = op({ B: 1, N: 4, L: 4, D: 4, A: 1 });
  assert.equal(await backwardDispatches(heads), 2); // dq; dk and dv
  assert.equal(await backwardDispatches(heads, "k", "v"), 1);
  assert.equal(await backwardDispatches(heads, "q", "k"), 1);
});

Deno.test("attention in inference keeps no weights", async () => {
  await gpu.step(() => {
    const tape = new Tape(gpu, { record: false }), x = gpu.empty([1, 16, 4]);
    const { inUse } = gpu.memory.stats();
    attention(tape, x, x, x, 1);
    assert.equal(gpu.memory.stats().inUse - inUse, 256); // the result
  });
});

Deno.test("attention refuses what does not fit", () => {
  const tape = new Tape(gpu), x = gpu.empty([2, 3, 4]);
  assert.throws(() => attention(tape, x, x, x, 3), /a D that 3 heads divide/);
  assert.throws(() => attention(tape, x, gpu.empty([1, 3, 4]), x, 2), /but found/);
  assert.throws(() => attention(tape, x, gpu.empty([2, 5, 4]), x, 2), /but found/);
});
