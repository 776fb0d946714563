/**
 * The networks of Wang et al. 2021 (Glancing at the Patch): Local-Net sees a patch of p×p pixels, Global-Net what is around it, here
 * of all patches of an image at once, every 4 pixels; two heads tell whether what they see belongs together.
 *
 * Global-Net sees each of the eight patches around by itself before it looks at them together: the patch in the middle is in none
 * of them.
 *
 * @module
 */
import { multiply } from "../../autograd/arithmetic.ts";
import { act, conv2d, heNormal, type Layer, maxPool, sequential } from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Sides of the patches that there are networks for. */
export const PATCHES: readonly number[] = [18, 26, 34];
/** Pixels between patches. */
export const STEP = 4;

/** Their sizes. */
export interface LocGloSizes {
  /** Channels of the teacher's features. */
  C: number;
  /** p: pixels a side of a patch. */
  patch: number;
  /** Channels of the first layer. */
  width: number;
  /** D: channels of a patch's features. */
  code: number;
}

const leaky = act({ leaky: 0.1 });

/** Networks for images [B, S, S, 3]. */
export function locGloNets({ C, patch, width: w, code: D }: LocGloSizes): Parts {
  if (!PATCHES.includes(patch)) {
    throw new RangeError(`Expected patches of ${PATCHES.join(", ")}, but found ${patch}`);
  }
  const conv = (
    inputs: number,
    outputs: number,
  ) => [conv2d(inputs, outputs, 3, { padding: 1, initial: heNormal }), leaky];
  const patches = () => [
    ...[...conv(3, w), maxPool(2)], // [S / 2, S / 2, w]
    ...[...conv(w, 2 * w), maxPool(2)], // [S / 4, S / 4, 2 · w], patches of 10
    ...Array.from({ length: (patch - 10) / 8 }, (_, i) => conv((i ? 4 : 2) * w, 4 * w)).flat(), // 8 more each
  ];
  const head = () => sequential(conv2d(2 * D, D, 1, { initial: heNormal }), leaky, conv2d(D, 1, 1)); // [S / 4, S / 4, 1]
  return {
    local: sequential(...patches(), conv2d(4 * w, D, 1)), // [S / 4, S / 4, D]
    teacher: conv2d(D, C, 1), // [S / 4, S / 4, C]
    global: sequential(
      ...patches(),
      ...[around(4 * w, 4 * w, Math.ceil(patch / STEP)), leaky],
      ...[conv2d(4 * w, 4 * w, 1, { initial: heNormal }), leaky],
      conv2d(4 * w, D, 1), // [S / 4, S / 4, D]
    ),
    inconsistency: head(),
    distortion: head(),
  };
}

/** A 3×3 convolution of what is `distance` positions away, without the position itself. */
function around(inputs: number, outputs: number, distance: number): Layer {
  const { parameters, buffers, forward } = conv2d(inputs, outputs, 3, {
    padding: distance,
    dilation: distance,
    initial: heNormal,
  });
  return {
    parameters,
    buffers,
    forward(x, pass) {
      const hole = pass.tape.gpu.tensor(Float32Array.of(1, 1, 1, 1, 0, 1, 1, 1, 1), [3, 3]);
      const weight = multiply(pass.tape, pass.value("weight"), hole);
      return forward(x, { ...pass, value: (name) => name === "weight" ? weight : pass.value(name) });
    },
  };
}
