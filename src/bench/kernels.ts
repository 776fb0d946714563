/**
 * The transformer's kernels at the paper's sizes (docs/method.md): B = 16 images of N = 256 tokens, C = 720 channels,
 * D = 256, A = 8 heads, F = 1024; attention at other N too.
 *
 * @module
 */
import { attention } from "../autograd/attention.ts";
import { meanSquaredError } from "../autograd/ops.ts";
import { Tape } from "../autograd/tape.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { adamStep } from "../kernels/rows/adam.ts";
import { attentionKeys, attentionQueries } from "../kernels/dense/attention.ts";
import { type Gemm, gemm } from "../kernels/dense/gemm.ts";
import { layerNorm, layerNormAffineBackward, layerNormBackward } from "../kernels/norm/layernorm.ts";
import { adtrShapes } from "../model/adtr.ts";
import type { Case, Noise } from "./case.ts";
import { PAPER_ADTR } from "./sizes.ts";

const { C, D, A, F } = PAPER_ADTR, BATCH = 16, TOKENS = BATCH * PAPER_ADTR.H * PAPER_ADTR.W;
const DROP = { p: 0.1, seed: 1 };

/** All of them. */
export function transformerCases(isSoftware: boolean): Case[] {
  return [
    ...products(isSoftware),
    ...[64, 256, 1024].flatMap(attentionCases),
    ...layerNormCases(),
    adamwCase(),
  ];
}

/**
 * Linear layers: forward x·Wᵀ, and backward the gradients of x (dy·W) and of W (dyᵀ·x); on hardware a product besides that
 * is large enough to tell what a GPU can do.
 */
function products(isSoftware: boolean): Case[] {
  const product = (note: string, M: number, K: number, N: number, how: Partial<Gemm>): Case => ({
    name: "gemm",
    shape: `${M}x${K}x${N}`,
    note,
    work: { flops: 2 * M * K * N },
    peer: { op: "gemm", M, K, N, ...how },
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
    ...(isSoftware ? [] : [product("large", 4096, 4096, 4096, {})]),
  ];
}

/** Attention of N tokens to each other, kernel by kernel and whole: flops are those of its products, each made once. */
function attentionCases(N: number): Case[] {
  const images = N > 256 ? 4 : BATCH, flops = 2 * images * N * N * D;
  const row = { name: "attention", shape: `${images}x${N}x${D}` };
  const kernel = (note: string, products: number, run: (gpu: Gpu, noise: Noise) => () => void): Case => ({
    ...row,
    note,
    work: { flops: products * flops },
    prepare: run,
  });
  const operands = (noise: Noise) => {
    const [q, k, v, y, dy, a, b] = Array.from({ length: 7 }, () => noise(images, N, D));
    const into = (tensor: Tensor) => ({ tensor, add: false });
    return {
      of: { q, k, v, heads: A, drop: DROP },
      y,
      stats: noise(images, A, N, 2),
      dy,
      a: into(a),
      b: into(b),
    };
  };
  const op = (note: string, backward: boolean): Case => ({
    ...kernel(note, backward ? 6 : 2, (gpu, noise) => {
      const [q, k, v, wanted] = [0, 1, 2, 3].map(() => noise(images, N, D));
      for (const x of [q, k, v]) x.requiresGrad = backward;
      return () => {
        const tape = new Tape(gpu, { record: backward });
        const y = attention(tape, q, k, v, A, backward ? DROP.p : 0);
        if (backward) tape.backward(meanSquaredError(tape, y, wanted, wanted.size));
      };
    }),
    peer: { op: "attention", B: images, N, D, A, backward, dropout: backward ? DROP.p : 0 },
  });
  return [
    kernel("gradient of q", 2, (gpu, noise) => {
      const { of, y, stats, dy, a } = operands(noise);
      return () => attentionQueries(gpu, of, y, stats, dy, a);
    }),
    kernel("gradients of k and v", 3, (gpu, noise) => {
      const { of, stats, dy, a, b } = operands(noise);
      return () => attentionKeys(gpu, of, stats, dy, a, b);
    }),
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
      const settings = {
        lr: 1e-4,
        weight_decay: 1e-4,
        decoupled: true,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        clip: 0,
      };
      return () => adamStep(gpu, { parameters, gradients, m, v }, settings, 1, squares);
    },
  };
}
