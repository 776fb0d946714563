/**
 * Host side of dense_conv.wgsl: k×k convolution over maps of many channels, with the sum and the ReLU that end a
 * residual block. Nothing is unfolded in memory, and it runs at about the rate of {@linkcode gemm}.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Window } from "./conv.ts";
import source from "./dense_conv.wgsl" with { type: "text" };

/** What follows the convolution: a tensor of the output's shape is added, then negative values become 0. */
export interface Ending {
  skip?: Tensor;
  relu?: boolean;
}

interface Tile {
  TM: number;
  TN: number;
  THREADS: number;
  /** For at least so many threads. */
  threads: number;
}

const TILES: Record<"software" | "hardware", Tile[]> = {
  software: [
    { TM: 16, TN: 16, THREADS: 32, threads: 64 },
    { TM: 8, TN: 8, THREADS: 32, threads: 0 },
  ],
  hardware: [
    { TM: 8, TN: 8, THREADS: 64, threads: 1 << 14 },
    { TM: 4, TN: 4, THREADS: 64, threads: 0 },
  ],
};

/**
 * relu(conv2d(x, weight) + bias + skip): x [B, H, W, C], weight [k, k, C, O] from `packConv`, bias [O] →
 * [B, outH, outW, O].
 *
 * @throws {RangeError} where C or O is no multiple of 4, the weight is not for C channels, or `skip` is of another size
 */
export function denseConv(
  gpu: Gpu,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  window: Window,
  { skip, relu = false }: Ending = {},
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
  const threads = ({ TM, TN }: Tile) => Math.ceil(M / TM) * Math.ceil(O / TN);
  const tiles = TILES[gpu.info.software ? "software" : "hardware"];
  const tile = tiles.find((tile) => threads(tile) >= tile.threads)!;
  gpu.stream.dispatch(
    kernelFor(tile),
    { x, weight, bias, skip: skip ?? bias, y },
    {
      M,
      C4: C / 4,
      O4: O / 4,
      H,
      W,
      outH,
      outW,
      tiles: threads(tile),
      tilesN: Math.ceil(O / tile.TN),
      K,
      stride,
      top,
      left,
      add: skip ? 1 : 0,
      relu: relu ? 1 : 0,
    },
    [Math.ceil(threads(tile) / tile.THREADS)],
  );
  return y;
}

const kernels = new Map<string, Kernel>();

/** The kernel for one tile; its text is made once. */
function kernelFor({ TM, TN, THREADS }: Tile): Kernel {
  const name = `dense conv ${TM}x${TN}`;
  let kernel = kernels.get(name);
  if (!kernel) {
    const code = straightLine(TM, TN);
    const text = source.replace(/\/\/ @generate (\w+)/g, (_, part: keyof typeof code) => code[part]);
    kernel = { name, source: text, entry: "conv", constants: { TM, TN, THREADS } };
    kernels.set(name, kernel);
  }
  return kernel;
}

/** The parts of the kernel that are straight-line code; each pixel and each weight is loaded once a tile. */
function straightLine(TM: number, TN: number) {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const rows = range(TM), columns = range(TN / 4);
  const cells = (line: (i: number, j: number) => string) =>
    rows.flatMap((i) => columns.map((j) => line(i, j)));
  return {
    declare: [
      ...rows.map((i) => `let corner${i} = corner(m0 + ${i}u);`),
      ...cells((i, j) => `var y${i}_${j} = vec4f(0.0);`),
    ].join("\n"),
    pixels: rows.map((i) =>
      `let pixel${i} = pixel(corner${i}, t / params.K, t % params.K); let is${i} = f32(pixel${i}.y);`
    ).join("\n"),
    inner: [
      ...rows.map((i) => `let x${i} = x[pixel${i}.x + c] * is${i};`),
      ...range(4).flatMap((k) =>
        columns.map((j) => `let w${k}_${j} = weight[(w + 4u * c + ${k}u) * params.O4 + o0 + ${j}u];`)
      ),
      ...cells((i, j) => {
        const sum = range(4).reduce((sum, k) => `${sum} + x${i}.${"xyzw"[k]} * w${k}_${j}`, `y${i}_${j}`);
        return `y${i}_${j} = ${sum};`;
      }),
    ].join("\n"),
    finish: cells((i, j) => `store(m0 + ${i}u, o0 + ${j}u, y${i}_${j});`).join("\n"),
  };
}
