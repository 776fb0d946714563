/**
 * Host side of dense_conv.wgsl: k×k convolution over maps of many channels, with the sum and the activation
 * that end a residual block. Nothing is unfolded in memory, and it runs at about the rate of {@linkcode gemm}.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { type Act, actConstants, actText } from "./act.ts";
import type { Window } from "./conv.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import source from "./dense_conv.wgsl" with { type: "text" };

/** What follows the convolution: a tensor of the output's shape is added, then the activation. */
export interface Ending {
  skip?: Tensor;
  act?: Act;
}

/** Windows and channels a thread. */
interface Tile {
  TM: number;
  TN: number;
}

// For at least so many threads, best first. GFLOP/s of a 3×3 from 128 to 128 channels at 32×32 on llvmpipe, 2 busy cores,
// 2026-11: 8×16 with subgroups 15.8, 8×32 11.5, 12×16 15.3; without 16×16 7.8. A map of 4×4 leaves subgroups without
// work: 2×16 with them 4.6, 8×8 without 6.7. On hardware subgroups have not been tried.
const TILES: Record<"subgroups" | "software" | "hardware", (Tile & { threads: number })[]> = {
  subgroups: [{ TM: 8, TN: 16, threads: 0 }],
  software: [{ TM: 16, TN: 16, threads: 64 }, { TM: 8, TN: 8, threads: 0 }],
  hardware: [{ TM: 8, TN: 8, threads: 1 << 14 }, { TM: 4, TN: 4, threads: 0 }],
};
const THREADS = { software: 32, hardware: 64 };

/**
 * act(conv2d(x, weight) + bias + skip): x [B, H, W, C], weight [k, k, C, O] from `packConv`, bias [O] →
 * [B, outH, outW, O].
 *
 * @throws {RangeError} where C or O is no multiple of 4, the weight is not for C channels, or `skip` is of another size
 */
export function denseConv(
  gpu: Compute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  window: Window,
  { skip, act = "none" }: Ending = {},
): Tensor {
  const [B, H, W, C] = x.shape;
  const [K, , inputs, O] = weight.shape;
  const { stride, top, left, outH, outW } = window;
  if (C % 4 !== 0 || O % 4 !== 0) {
    throw new RangeError(`Expected multiples of 4 channels, but found ${C} and ${O}`);
  }
  if (inputs !== C) throw new RangeError(`Expected a weight for ${C} channels, but found [${weight.shape}]`);
  const y = gpu.empty([B, outH, outW, O], "a convolution's output");
  if (skip && skip.size !== y.size) {
    throw new RangeError(`Expected [${y.shape}] to add, but found [${skip.shape}]`);
  }
  const M = B * outH * outW;
  const { tile, lanes, group, tilesN, threads } = division(gpu, M, O);
  gpu.stream.dispatch(
    kernelFor(tile, lanes, group, act),
    { x, weight, bias, skip: skip ?? bias, y },
    {
      M,
      C4: C / 4,
      O4: O / 4,
      H,
      W,
      outH,
      outW,
      tilesN,
      K,
      stride,
      top,
      left,
      add: skip ? 1 : 0,
    },
    [Math.ceil(threads / group)],
  );
  return y;
}

/** How M windows of O channels are divided among threads: `tilesN` tiles cover the channels. */
function division(gpu: Compute, M: number, O: number) {
  const { kind, subgroup } = gpu.profile;
  const shared = kind === "software" && subgroup > 0 && M > 4 * subgroup, lanes = shared ? subgroup : 1;
  const ways = TILES[shared ? "subgroups" : kind].map(({ threads: least, ...tile }) => {
    const tilesN = Math.ceil(O / tile.TN);
    return { tile, least, tilesN, threads: Math.ceil(M / (tile.TM * lanes)) * tilesN * lanes };
  });
  const way = ways.find(({ threads, least }) => threads >= least)!;
  return { ...way, lanes, group: shared ? lanes : THREADS[kind] };
}

const kernel = kernelTable();

/** The kernel for one tile and activation; its text is made once. */
function kernelFor({ TM, TN }: Tile, LANES: number, THREADS: number, act: Act): Kernel {
  const name = `dense conv ${TM}x${TN}${LANES > 1 ? " subgroups" : ""}`;
  const key = `${name} ${LANES} ${THREADS} ${JSON.stringify(act)}`;
  const constants = { TM, TN, LANES, THREADS, ...actConstants(act) };
  return kernel(key, () => {
    const shared = LANES > 1 ? 1 : 0, FOURS = TN / 4;
    const counts = {
      i: TM,
      j: FOURS,
      k: 4,
      s: Math.ceil(TN / LANES),
      shared,
      alone: 1 - shared,
      FOURS,
      LANES,
    };
    return { name, source: actText("vec4f") + each(source, counts, name), entry: "conv", constants };
  });
}
