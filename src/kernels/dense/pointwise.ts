/**
 * Host side of pointwise.wgsl: 1×1 convolution of NHWC maps with gates, bias, SiLU and residual. Without subgroups it
 * comes down to {@linkcode gate} and {@linkcode gemm}, and so it does on hardware, which shares the weights by its caches.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { gemm } from "./gemm.ts";
import { gate } from "./se.ts";
import { generate, kernelTable } from "../generate.ts";
import source from "./pointwise.wgsl" with { type: "text" };

/** What is done beside the convolution. */
export interface PointwiseOptions {
  act?: "none" | "silu";
  /** [B, K], by which x's channels are multiplied before it. */
  gates?: Tensor;
  /** Laid out as the result, and added after the activation. */
  residual?: Tensor;
}

// Positions a thread, and the most channels. 8×24 took 92 % of the time of 8×16 over all of EfficientNet-B4's shapes, 4×32
// and 8×32 96 and 98 % (llvmpipe, 2026-11).
const TM = { large: 8, small: 2 }, TN = 24;

/**
 * act((x ∘ gates) · weightᵀ + bias) + residual: x [B, H, W, K], weight [N, K], bias [N] → [B, H, W, N]. What x holds
 * afterwards is not defined where there are gates.
 *
 * @throws {RangeError} where K or N is no multiple of 4, or a tensor's size is not what the others ask for
 */
export function pointwise(
  gpu: Compute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  { act = "none", gates, residual }: PointwiseOptions = {},
): Tensor {
  const [B, H, W, K] = x.shape, [N, inputs] = weight.shape, M = H * W;
  if (K % 4 !== 0 || N % 4 !== 0) {
    throw new RangeError(`Expected multiples of 4 channels, but found ${K} and ${N}`);
  }
  if (inputs !== K) throw new RangeError(`Expected a weight for ${K} channels, but found [${weight.shape}]`);
  if (gates && gates.size !== B * K) {
    throw new RangeError(`Expected gates [${B},${K}], but found [${gates.shape}]`);
  }
  const y = gpu.empty([B, H, W, N], "a 1×1 convolution's output");
  const lanes = gpu.info.subgroup;
  if (lanes === 0 || !gpu.info.software) {
    if (gates) gate(gpu, x, gates);
    gemm(gpu, { a: x, b: weight, c: y, M: B * M, N, K, transB: true, bias, act, residual });
    return y;
  }
  const rows = M > 4 * lanes ? TM.large : TM.small, columns = Math.min(TN, N);
  const tilesN = Math.ceil(N / columns);
  gpu.stream.dispatch(
    pointwiseKernel(lanes, rows, columns, { SILU: act === "silu", GATED: !!gates, RESIDUAL: !!residual }),
    { x, weight, bias, gates: gates ?? x, residual: residual ?? x, y },
    { M, N, K4: K / 4, tilesN },
    [Math.ceil(M / (lanes * rows)) * tilesN, 1, B],
  );
  return y;
}

const kernel = kernelTable();

/** The kernel for one tile and what is done beside; its text is made once. */
function pointwiseKernel(
  LANES: number,
  TM: number,
  TN: number,
  parts: { SILU: boolean; GATED: boolean; RESIDUAL: boolean },
): Kernel {
  const name = `pointwise ${TM}x${TN}`;
  const key = [name, LANES, ...Object.values(parts)].join(" ");
  return kernel(key, () => {
    const code = straightLine(LANES, TM, TN, parts.GATED);
    return {
      name,
      source: generate(source, code),
      entry: "pointwise",
      constants: { TM, TN, LANES, ...parts },
    };
  });
}

/** Four k at a time, for each accumulator before the next is looked at: not all of them fit into registers. */
function straightLine(LANES: number, TM: number, TN: number, gated: boolean) {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const rows = range(TM), columns = range(TN / 4), shares = range(Math.ceil(TN / LANES)), lane = "xyzw";
  return {
    declare: [
      ...rows.map((i) => `let pixel${i} = image * params.M + min(m0 + ${i}u * LANES, params.M - 1u);`),
      ...shares.map((s) => `let share${s} = (n0 + ${s}u * LANES + lane) * params.K4;`),
      ...columns.map((j) => `let bias${j} = bias[n0 / 4u + ${j}u];`),
      ...rows.flatMap((i) => columns.map((j) => `var y${i}_${j} = bias${j};`)),
    ].join("\n"),
    inner: [
      ...rows.map((i) => `let x${i} = x[pixel${i} * params.K4 + k];`),
      gated ? "let gate = gates[image * params.K4 + k];" : "",
      ...shares.map((s) => `let s${s} = weight[share${s} + k]${gated ? " * gate" : ""};`),
      ...range(TN).map((n) => `let w${n} = subgroupBroadcast(s${Math.floor(n / LANES)}, ${n % LANES}u);`),
      ...range(4).flatMap((k) =>
        columns.map((j) => `let w${k}_${j} = vec4f(${range(4).map((n) => `w${4 * j + n}.${lane[k]}`)});`)
      ),
      ...rows.flatMap((i) =>
        columns.map((j) =>
          `y${i}_${j} = y${i}_${j}${range(4).map((k) => ` + x${i}.${lane[k]} * w${k}_${j}`).join("")};`
        )
      ),
    ].join("\n"),
    finish: rows.flatMap((i) => columns.map((j) => `store(pixel${i}, n0 + ${4 * j}u, y${i}_${j});`)).join(
      "\n",
    ),
  };
}
