/**
 * The Wide Residual Network (Zagoruyko & Komodakis 2016, arXiv 1605.07146) of depth 10 that Golan & El-Yaniv 2018 classify
 * transformations with: three blocks, each of which doubles the channels, the second and third at half the side.
 *
 * @module
 */
import { add } from "../../autograd/ops.ts";
import {
  act,
  batchNorm,
  conv2d,
  heNormal,
  type Layer,
  linear,
  meanPositions,
  named,
  sequential,
  within,
} from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";
import { TRANSFORMS } from "./transforms.ts";

/** Its size. */
export interface WideSizes {
  /** k: channels are 16, 16k, 32k and 64k; 4 in the paper. */
  widen: number;
}

const filter = { bias: false, initial: heNormal };

/** The classifier of images [B, S, S, 3]: logits [B, 72]. Shapes are those of S = 32, k = 4. */
export function wideNet({ widen: k }: WideSizes): Parts {
  return {
    classifier: sequential(
      conv2d(3, 16, 3, { ...filter, padding: 1 }), // [32, 32, 16]
      block(16, 16 * k, 1), // [32, 32, 64]
      block(16 * k, 32 * k, 2), // [16, 16, 128]
      block(32 * k, 64 * k, 2), // [8, 8, 256]
      ...[batchNorm(64 * k), act("relu")],
      meanPositions(), // [256]
      linear(64 * k, TRANSFORMS), // [72]
    ),
  };
}

/** Normalised and rectified before each of two convolutions; the shortcut leaves behind the first of these. */
function block(inputs: number, outputs: number, stride: number): Layer {
  const parts = {
    before: sequential(batchNorm(inputs), act("relu")),
    body: sequential(
      conv2d(inputs, outputs, 3, { ...filter, stride, padding: 1 }),
      ...[batchNorm(outputs), act("relu")],
      conv2d(outputs, outputs, 3, { ...filter, padding: 1 }),
    ),
    shortcut: conv2d(inputs, outputs, 1, { ...filter, stride }),
  };
  return {
    ...named(parts),
    forward(x, pass) {
      const ready = parts.before.forward(x, within(pass, "before"));
      const skip = parts.shortcut.forward(ready, within(pass, "shortcut"));
      return add(pass.tape, skip, parts.body.forward(ready, within(pass, "body")));
    },
  };
}
