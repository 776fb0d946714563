/**
 * Convolutions that learn, at shapes of the autoencoders' layers (src/methods/ae/net.ts): forward, and both gradients.
 *
 * @module
 */
import { geometryOf } from "../kernels/conv/geometry.ts";
import { convolve, convolveTransposed } from "../kernels/conv/maps.ts";
import { weightGradient } from "../kernels/conv/weight_gradient.ts";
import type { Case } from "./case.ts";

/** A layer: from `side`×`side` positions of C channels to O channels. */
interface Layer {
  transposed?: boolean;
  side: number;
  C: number;
  O: number;
  k: number;
  stride: number;
}

/** Of images of 128×128 pixels, those that are there twice once. */
const LAYERS: Layer[] = [
  { side: 128, C: 3, O: 32, k: 4, stride: 2 },
  { side: 64, C: 32, O: 32, k: 4, stride: 2 },
  { side: 16, C: 64, O: 128, k: 4, stride: 2 },
  { side: 32, C: 32, O: 32, k: 3, stride: 1 },
  { side: 16, C: 64, O: 64, k: 3, stride: 1 },
  { side: 8, C: 128, O: 64, k: 3, stride: 1 },
  { transposed: true, side: 8, C: 128, O: 64, k: 4, stride: 2 },
  { transposed: true, side: 32, C: 32, O: 32, k: 4, stride: 2 },
  { transposed: true, side: 64, C: 32, O: 3, k: 4, stride: 2 },
];

/** All of them, of B images. */
export function trainedConvolutionCases(B = 16): Case[] {
  return LAYERS.flatMap((layer) =>
    layer.C === 3 ? cases(layer, B).filter((_, i) => i !== 1) : cases(layer, B)
  );
}

/** A pass forward, and the gradients of x and of the weight. */
function cases({ transposed = false, side, C, O, k, stride }: Layer, B: number): Case[] {
  // The convolution, of which a transposed one is the input's gradient: from `large` maps to `small` ones.
  const [large, small] = transposed ? [side * stride, side] : [side, side / stride];
  const [inner, outer] = transposed ? [O, C] : [C, O]; // channels of the large maps and of the small ones
  const g = geometryOf([large, large], k, { stride, padding: 1 });
  const flops = 2 * B * small ** 2 * k ** 2 * C * O;
  const row = (note: string, pass: "forward" | "x" | "weight", prepare: Case["prepare"]): Case => ({
    name: `conv ${k}x${k}${transposed ? " transposed" : ""}`,
    shape: `${B}x${side}x${side}x${C}`,
    note: `stride ${stride} to ${O}, ${note}`,
    work: { flops },
    peer: { op: "conv", transposed, B, side, C, O, k, stride, pass },
    prepare,
  });
  const [down, up]: [Case["prepare"], Case["prepare"]] = [
    (gpu, noise) => {
      const x = noise(B, large, large, inner),
        weight = noise(outer, inner, k, k),
        y = noise(B, small, small, outer);
      return () => convolve(gpu, x, weight, null, y, g);
    },
    (gpu, noise) => {
      const x = noise(B, small, small, outer),
        weight = noise(outer, inner, k, k),
        y = noise(B, large, large, inner);
      return () => convolveTransposed(gpu, x, weight, null, y, g);
    },
  ];
  return [
    row("forward", "forward", transposed ? up : down),
    row("gradient of x", "x", transposed ? down : up),
    row("gradient of the weight", "weight", (gpu, noise) => {
      const x = noise(B, large, large, inner),
        dy = noise(B, small, small, outer),
        weight = noise(outer, inner, k, k);
      return () => weightGradient(gpu, dy, x, weight, false, g);
    }),
  ];
}
