/**
 * EfficientNet-B4's kernels at every shape that an image of 256×256 pixels brings about.
 *
 * @module
 */
import { conv } from "../kernels/conv.ts";
import { depthwise } from "../kernels/depthwise.ts";
import { fill } from "../kernels/elementwise.ts";
import { type Activation, gemm } from "../kernels/gemm.ts";
import { gate, positionMean } from "../kernels/se.ts";
import { STAGES, STEM } from "../model/efficientnet_weights.ts";
import type { Case } from "./case.ts";

const SIDE = 256;

/**
 * All of them, each once.
 *
 * @param B images
 */
export function efficientNetCases(B: number): Case[] {
  const cases = new Map([...layers(B)].map((c) => [`${c.name} ${c.shape} ${c.note}`, c]));
  return [...cases.values()].sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Floating-point operations of B images' convolutions. */
export function efficientNetFlops(B: number): number {
  let flops = 0;
  for (const { work } of layers(B)) if ("flops" in work) flops += work.flops;
  return flops;
}

/** The network in order. */
function* layers(B: number): Generator<Case> {
  yield stem(B);
  let side = SIDE / 2, inputs = STEM.out;
  for (const { blocks, kernel, stride: first, expand, out } of STAGES) {
    for (let i = 0; i < blocks; i++) {
      const wide = inputs * expand, stride = i === 0 ? first : 1;
      if (expand > 1) yield pointwise(B, side, inputs, wide, "silu", false);
      yield depthwiseCase(B, side, wide, kernel, stride);
      side /= stride;
      yield squeeze(B, side, wide);
      yield gating(B, side, wide);
      yield pointwise(B, side, wide, out, "none", stride === 1 && inputs === out);
      inputs = out;
    }
  }
}

function stem(B: number): Case {
  const { out: O, in: C, kernel: k } = STEM, side = SIDE / 2;
  return {
    name: "conv stem",
    shape: `${B}x${SIDE}x${SIDE}x${C}`,
    note: `3×3/2 to ${O}, SiLU`,
    work: { flops: 2 * B * side * side * O * C * k * k },
    prepare(gpu, noise) {
      const x = noise(B, SIDE, SIDE, C), weight = noise(k, k, C, O), bias = noise(O);
      const window = { stride: 2, top: 1, left: 1, outH: side, outW: side };
      return () => void conv(gpu, x, weight, bias, window, "silu");
    },
  };
}

/** A 1×1 convolution, as the product of all positions with the weight. */
function pointwise(
  B: number,
  side: number,
  K: number,
  N: number,
  act: Activation,
  skip: boolean,
): Case {
  const M = B * side * side;
  return {
    name: "conv 1x1",
    shape: `${M}x${K}x${N}`,
    note: act === "silu" ? "expand, SiLU" : skip ? "project, residual" : "project",
    work: { flops: 2 * M * K * N },
    prepare(gpu, noise) {
      const a = noise(M, K), b = noise(N, K), c = noise(M, N), bias = noise(N);
      const residual = skip ? noise(M, N) : undefined;
      return () => gemm(gpu, { a, b, c, M, N, K, transB: true, bias, act, residual });
    },
  };
}

function depthwiseCase(B: number, side: number, C: number, k: number, stride: number): Case {
  const out = side / stride, pad = (k - 1) / 2;
  return {
    name: `depthwise ${k}x${k}`,
    shape: `${B}x${side}x${side}x${C}`,
    note: `stride ${stride}, SiLU`,
    work: { flops: 2 * B * out * out * C * k * k },
    prepare(gpu, noise) {
      const x = noise(B, side, side, C), weight = noise(k, k, C), bias = noise(C);
      const window = { stride, top: pad, left: pad, outH: out, outW: out };
      return () => void depthwise(gpu, x, weight, bias, window);
    },
  };
}

function squeeze(B: number, side: number, C: number): Case {
  return {
    name: "squeeze-excite mean",
    shape: `${B}x${side}x${side}x${C}`,
    note: "",
    work: { bytes: B * side * side * C * 4 },
    prepare(gpu, noise) {
      const x = noise(B, side, side, C);
      return () => void positionMean(gpu, x);
    },
  };
}

function gating(B: number, side: number, C: number): Case {
  return {
    name: "squeeze-excite gate",
    shape: `${B}x${side}x${side}x${C}`,
    note: "",
    work: { bytes: 2 * B * side * side * C * 4 },
    prepare(gpu, noise) {
      const x = noise(B, side, side, C), gates = noise(B, C);
      fill(gpu, gates, 1); // less, and x would fade away
      return () => gate(gpu, x, gates);
    },
  };
}
