/**
 * The transformer's kernels at the paper's sizes (docs/method.md): B = 16 images of N = 256 tokens, C = 720 channels,
 * D = 256, A = 8 heads, F = 1024; attention at other N too.
 *
 * @module
 */
import { attention } from "../autograd/attention.ts";
import { meanSquaredError } from "../autograd/ops.ts";
import { Tape } from "../autograd/tape.ts";
import { adamwStep } from "../kernels/adamw.ts";
import { type Gemm, gemm } from "../kernels/gemm.ts";
import { layerNorm, layerNormAffineBackward, layerNormBackward } from "../kernels/layernorm.ts";
import { softmax } from "../kernels/softmax.ts";
import { adtrShapes } from "../model/adtr.ts";
import type { Case } from "./case.ts";
import { PAPER_ADTR } from "./sizes.ts";

const { C, D, A, F } = PAPER_ADTR, BATCH = 16, TOKENS = BATCH * PAPER_ADTR.H * PAPER_ADTR.W;
const DROP = { p: 0.1, seed: 1 };

/** All of them. */
export function transformerCases(): Case[] {
  return [...products(), ...[64, 256, 1024].flatMap(attentionCases), ...layerNormCases(), adamwCase()];
}

/** Linear layers: forward x·Wᵀ, and backward the gradients of x (dy·W) and of W (dyᵀ·x). */
function products(): Case[] {
  const product = (note: string, M: number, K: number, N: number, how: Partial<Gemm>): Case => ({
    name: "gemm",
    shape: `${M}x${K}x${N}`,
    note,
    work: { flops: 2 * M * K * N },
    prepare(gpu, noise) {
      const a = noise(...how.transA ? [K, M] : [M, K]), b = noise(...how.transB ? [N, K] : [K, N]);
      const c = noise(M, N), bias = how.act ? noise(N) : undefined;
      return () => gemm(gpu, { a, b, c, M, K, N, bias, ...how });
    },
  });
  const forward = { transB: true, act: "none" as const }, weight = { transA: true };
  return [
    product("linear1, ReLU", TOKENS, D, F, { ...forward, act: "relu" }),
    product("linear2", TOKENS, F, D, forward),
    product("input_proj", TOKENS, C, D, forward),
    product("output_proj", TOKENS, D, C, forward),
    product("attention's projections", TOKENS, D, D, forward),
    product("gradient of linear2's input", TOKENS, D, F, {}),
    product("gradient of linear1's input", TOKENS, F, D, {}),
    product("gradient of linear2's weight", D, TOKENS, F, weight),
    product("gradient of linear1's weight", F, TOKENS, D, weight),
    product("as a weight gradient", D, F, TOKENS, weight),
    product("square", 1024, 1024, 1024, {}),
  ];
}

/** Products, softmax and the whole op at N tokens; as many images as one binding has room for, at most BATCH. */
function attentionCases(N: number): Case[] {
  const d = D / A, images = Math.min(BATCH, Math.floor((128 << 20) / (A * N * N * 4)));
  const heads = { outer: images, inner: A };
  const tokens = { ld: D, outer: N * D, inner: d }, square = { ld: N, outer: A * N * N, inner: N * N };
  const used = { rectify: true, alpha: 1 / (1 - DROP.p) };
  const flops = 2 * images * A * N * N * d, rows = images * A * N;
  const product = (note: string, by: Omit<Gemm, "a" | "b" | "c">, operands: "ddN" | "NdN" | "Ndd"): Case => ({
    name: "attention product",
    shape: `${images * A}x${by.M}x${by.K}x${by.N}`,
    note,
    work: { flops },
    prepare(gpu, noise) {
      const [a, b, c] = [0, 1, 2].map((i) => operands[i] === "N" ? noise(rows, N) : noise(images, N, D));
      return () => gemm(gpu, { a, b, c, ...heads, ...by });
    },
  });
  const op = (note: string, backward: boolean): Case => ({
    name: "attention",
    shape: `${images}x${N}x${D}`,
    note,
    work: { flops: (backward ? 6 : 2) * flops },
    prepare(gpu, noise) {
      const [q, k, v, wanted] = [0, 1, 2, 3].map(() => noise(images, N, D));
      for (const x of [q, k, v]) x.requiresGrad = backward;
      return () => {
        const tape = new Tape(gpu, { training: backward });
        const y = attention(tape, q, k, v, A, backward ? DROP.p : 0);
        if (backward) tape.backward(meanSquaredError(tape, y, wanted, wanted.size));
      };
    },
  });
  return [
    product(
      "q·kᵀ",
      { M: N, K: d, N, transB: true, layoutA: tokens, layoutB: tokens, layoutC: square },
      "ddN",
    ),
    product("p·v", { M: N, K: N, N: d, ...used, layoutA: square, layoutB: tokens, layoutC: tokens }, "Ndd"),
    product("gradient of v, pᵀ·dy", {
      M: N,
      K: N,
      N: d,
      transA: true,
      ...used,
      layoutA: square,
      layoutB: tokens,
      layoutC: tokens,
    }, "Ndd"),
    {
      name: "softmax",
      shape: `${rows}x${N}`,
      note: "forward, dropout",
      work: { bytes: 2 * rows * N * 4 },
      prepare(gpu, noise) {
        const x = noise(rows, N);
        return () => softmax(gpu, x, DROP);
      },
    },
    {
      ...product("gradient of q·kᵀ, through softmax and dropout", { M: N, K: d, N }, "ddN"),
      prepare(gpu, noise) {
        const [dy, v, y, c] = [noise(images, N, D), noise(images, N, D), noise(rows, N), noise(rows, N)];
        const softmax = { y, dots: noise(images, N, A), layout: { ld: A, outer: N * A, inner: 1 } };
        const layouts = { layoutA: tokens, layoutB: tokens, layoutC: square };
        return () =>
          gemm(gpu, { a: dy, b: v, c, M: N, N, K: d, transB: true, softmax, ...heads, ...layouts });
      },
    },
    op("forward", false),
    op("forward and backward, dropout", true),
  ];
}

function layerNormCases(): Case[] {
  const bytes = TOKENS * D * 4, row = { name: "layernorm", shape: `${TOKENS}x${D}` };
  return [
    {
      ...row,
      note: "forward, residual, dropout",
      work: { bytes: 4 * bytes },
      prepare(gpu, noise) {
        const x = noise(TOKENS, D), branch = noise(TOKENS, D), gamma = noise(D), beta = noise(D);
        return () => void layerNorm(gpu, x, branch, gamma, beta, DROP);
      },
    },
    {
      ...row,
      note: "backward, residual, dropout",
      work: { bytes: 4 * bytes },
      prepare(gpu, noise) {
        const [y, z, dy, dx, dbranch] = [0, 1, 2, 3, 4].map(() => noise(TOKENS, D));
        const stats = noise(TOKENS, 2), gamma = noise(D);
        return () => layerNormBackward(gpu, dy, { y, z, stats }, gamma, dx, false, dbranch, DROP);
      },
    },
    {
      ...row,
      note: "backward, gamma and beta",
      work: { bytes: 2 * bytes },
      prepare(gpu, noise) {
        const [y, z, dy] = [0, 1, 2].map(() => noise(TOKENS, D));
        const stats = noise(TOKENS, 2);
        const [gamma, beta] = [0, 1].map(() => ({ tensor: noise(D), add: false }));
        return () => layerNormAffineBackward(gpu, dy, { y, z, stats }, gamma, beta);
      },
    },
  ];
}

/** A step on all of the model's parameters. */
function adamwCase(): Case {
  let size = 0;
  for (const shape of adtrShapes(PAPER_ADTR).values()) size += shape.reduce((a, b) => a * b);
  return {
    name: "adamw",
    shape: `${size}`,
    note: "7 passes over memory",
    work: { bytes: 7 * size * 4 },
    prepare(gpu, noise) {
      const [parameters, gradients, m, v] = [0, 1, 2, 3].map(() => noise(size));
      const squares = noise(1);
      const settings = { lr: 1e-4, weight_decay: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, clip: 0 };
      return () => adamwStep(gpu, { parameters, gradients, m, v }, settings, 1, squares, 0);
    },
  };
}
