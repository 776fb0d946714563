/**
 * Host side of ssim.wgsl: structural similarity and its gradients in two runs each, along one axis after the other.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import { spread } from "../grid.ts";
import source from "./ssim.wgsl" with { type: "text" };

/** The window's weights along one axis, an odd number of them, and the constants c₁ and c₂. */
export interface Ssim {
  weights: readonly number[];
  c1: number;
  c2: number;
}

const OUTPUTS = { software: 8, hardware: 4 }; // a thread's

/**
 * map [B, H, W, C] of two maps x and y of that shape.
 *
 * @param slopes [B, H, W, C, 4] receives what the gradients need; null where none are wanted
 */
export function ssim(gpu: Compute, of: Ssim, x: Tensor, y: Tensor, map: Tensor, slopes: Tensor | null): void {
  const half = gpu.empty([...x.shape, 4], "sums over windows"), shares = sharesOf(gpu, of, x);
  launch(gpu, "moments", of, "W", x.shape, { x, y, sums: half });
  launch(gpu, slopes ? "compare with slopes" : "compare", of, "H", x.shape, {
    half,
    shares,
    map,
    ...slopes && { slopes_out: slopes },
  });
  for (const tensor of [half, shares]) gpu.release(tensor);
}

/** Sums over windows [B, H, W, C, 4] along W of dmap · slopes, which {@linkcode ssimGradient} needs. */
export function ssimBackward(gpu: Compute, of: Ssim, dmap: Tensor, slopes: Tensor): Tensor {
  const half = gpu.empty(slopes.shape, "sums over windows");
  launch(gpu, "back", of, "W", dmap.shape, { dmap, slopes, sums: half });
  return half;
}

/** Gradient of {@linkcode ssim} with respect to x, or to y, from what {@linkcode ssimBackward} made, as `to` says. */
export function ssimGradient(
  gpu: Compute,
  of: Ssim,
  [x, y]: readonly [Tensor, Tensor],
  side: "x" | "y",
  half: Tensor,
  to: { tensor: Tensor; add: boolean },
): void {
  const [own, other] = side === "x" ? [x, y] : [y, x];
  launch(gpu, "gradient", of, "H", x.shape, { x: own, y: other, half, dx: to.tensor }, {
    second: +(side === "y"),
    add: +to.add,
  });
}

/** Of every position along H, then along W: 1 over the sum of the weights that lie within the map. */
function sharesOf(gpu: Compute, { weights }: Ssim, { shape: [, H, W] }: Tensor): Tensor {
  const radius = (weights.length - 1) / 2;
  return gpu.tensor([H, W].flatMap((n) =>
    Array.from({ length: n }, (_, at) => {
      const within = weights.filter((_, t) => at + t >= radius && at + t < n + radius);
      return 1 / within.reduce((a, b) => a + b);
    })
  ));
}

const kernel = kernelTable();

function launch(
  gpu: Compute,
  what: "moments" | "compare" | "compare with slopes" | "back" | "gradient",
  { weights, c1, c2 }: Ssim,
  axis: "H" | "W",
  [B, H, W, C]: readonly number[],
  tensors: Record<string, Tensor>,
  to = { second: 0, add: 0 },
): void {
  const K = weights.length, outputs = OUTPUTS[gpu.profile.kind];
  const made = kernel(`${what} ${outputs} ${weights}`, (): Kernel => {
    const counts = { i: outputs, t: outputs + K - 1, K, slope: +(what === "compare with slopes") };
    const named = weights.map((w, t) => `const w${t} = f32(${w}); `).join("");
    return {
      name: "ssim",
      source: named + each(source, counts, "ssim.wgsl"),
      entry: what.split(" ")[0],
      constants: { OUTPUTS: outputs, RADIUS: (K - 1) / 2 },
    };
  });
  const [n, inner, outer] = axis === "H" ? [H, W * C, B] : [W, C, B * H], blocks = Math.ceil(n / outputs);
  const threads = outer * blocks * inner, { across, grid } = spread(threads);
  gpu.stream.dispatch(made, tensors, { threads, across, n, inner, blocks, H, W, C, c1, c2, ...to }, grid);
}
