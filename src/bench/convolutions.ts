/**
 * EfficientNet-B4's kernels at every shape that an image of 256×256 pixels brings about.
 *
 * @module
 */
import { depthwise } from "../kernels/conv/depthwise.ts";
import { geometryOf } from "../kernels/conv/geometry.ts";
import { convolve } from "../kernels/conv/maps.ts";
import { fill } from "../kernels/dense/elementwise.ts";
import { pointwise } from "../kernels/dense/pointwise.ts";
import { dense } from "../kernels/dense/se.ts";
import { B4 } from "../model/backbones.ts";
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
  let side = SIDE / 2, inputs = B4.stem;
  for (const { blocks, kernel, stride: first, expand, out } of B4.stages) {
    for (let i = 0; i < blocks; i++) {
      const wide = inputs * expand, stride = i === 0 ? first : 1;
      if (expand > 1) yield expansion(B, side, inputs, wide);
      yield depthwiseCase(B, side, wide, kernel, stride);
      side /= stride;
      yield excitation(B, wide, Math.ceil(inputs / 4 / 4) * 4);
      yield projection(B, side, wide, out, stride === 1 && inputs === out);
      inputs = out;
    }
  }
}

function stem(B: number): Case {
  const O = B4.stem, C = 3, k = 3, side = SIDE / 2;
  return {
    name: "conv stem",
    shape: `${B}x${SIDE}x${SIDE}x${C}`,
    note: `3×3/2 to ${O}, SiLU`,
    work: { flops: 2 * B * side * side * O * C * k * k },
    prepare(gpu, noise) {
      const x = noise(B, SIDE, SIDE, C), weight = noise(O, C, k, k), bias = noise(O);
      const y = noise(B, side, side, O), g = geometryOf([SIDE, SIDE], k, { stride: 2, padding: 1 });
      return () => convolve(gpu, x, weight, bias, y, g, { act: "silu" });
    },
  };
}

/** A 1×1 convolution to more channels, with SiLU. */
function expansion(B: number, side: number, K: number, N: number): Case {
  return {
    ...pointwiseCase(B, side, K, N, "expand, SiLU"),
    prepare(gpu, noise) {
      const x = noise(B, side, side, K), weight = noise(N, K), bias = noise(N);
      return () => void pointwise(gpu, x, weight, bias, { act: "silu" });
    },
  };
}

/** A 1×1 convolution of gated channels to fewer. */
function projection(B: number, side: number, K: number, N: number, skip: boolean): Case {
  return {
    ...pointwiseCase(B, side, K, N, skip ? "gate, project, residual" : "gate, project"),
    prepare(gpu, noise) {
      const x = noise(B, side, side, K), weight = noise(N, K), bias = noise(N), gates = noise(B, K);
      fill(gpu, gates, 1); // less, and x would fade away where it is gated in place
      const residual = skip ? noise(B, side, side, N) : undefined;
      return () => void pointwise(gpu, x, weight, bias, { gates, residual });
    },
  };
}

function pointwiseCase(B: number, side: number, K: number, N: number, note: string): Omit<Case, "prepare"> {
  const M = B * side * side;
  return { name: "conv 1x1", shape: `${M}x${K}x${N}`, note, work: { flops: 2 * M * K * N } };
}

function depthwiseCase(B: number, side: number, C: number, k: number, stride: number): Case {
  const out = side / stride, pad = (k - 1) / 2;
  return {
    name: `depthwise ${k}x${k}`,
    shape: `${B}x${side}x${side}x${C}`,
    note: `stride ${stride}, SiLU, mean`,
    work: { flops: 2 * B * out * out * C * k * k },
    prepare(gpu, noise) {
      const x = noise(B, side, side, C), weight = noise(k, k, C), bias = noise(C);
      const window = { stride, top: pad, left: pad, outH: out, outW: out };
      return () => void depthwise(gpu, x, weight, bias, window, { act: "silu", mean: true });
    },
  };
}

/** Squeeze-excite's two dense layers, with widths in multiples of 4. */
function excitation(B: number, C: number, narrow: number): Case {
  return {
    name: "squeeze-excite",
    shape: `${B}x${C}x${narrow}`,
    note: "two dense layers",
    work: { bytes: 2 * C * narrow * 4 }, // the weights
    prepare(gpu, noise) {
      const x = noise(B, C), reduce = noise(narrow, C), widen = noise(C, narrow);
      const biases = [noise(narrow), noise(C)];
      return () => void dense(gpu, dense(gpu, x, reduce, biases[0], "silu"), widen, biases[1], "sigmoid");
    },
  };
}
