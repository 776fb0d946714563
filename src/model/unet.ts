/**
 * The U-Net (Ronneberger et al. 2015, arXiv 1505.04597) as it is usually built today: pairs of 3×3 convolutions with
 * normalisation and ReLU, 2×2 max-pooling on the way down, bilinear enlargement (corners aligned) and the maps of the way down
 * beside it on the way up, and a 1×1 convolution at the end.
 *
 * Values are called `down.i.…` and `up.i.…` by the level i (0: the image's size), and `last.…`.
 *
 * @module
 */
import { maxPool } from "../autograd/pooling.ts";
import { concat } from "../autograd/shapes.ts";
import { upsample } from "../autograd/upsample.ts";
import type { Tensor } from "../gpu/tensor.ts";
import {
  act,
  batchNorm,
  conv2d,
  instanceNorm,
  type Layer,
  named,
  type Pass,
  sequential,
  within,
} from "./layers.ts";

/** Sizes of a U-Net. */
export interface UnetSizes {
  /** Channels that come in. */
  readonly inputs: number;
  /** Channels that go out. */
  readonly outputs: number;
  /** Channels of each level on the way down; the side is halved between them. */
  readonly widths: readonly number[];
  /** Default "batch". */
  readonly norm?: "batch" | "instance" | "none";
  /** Channels that the caller of `decode` puts beside the deepest maps. Default 0. */
  readonly beside?: number;
}

/** A U-Net, and its two ways for those who do something between them. */
export interface Unet extends Layer {
  /** [B, H, W, inputs] to the maps of all levels, [B, H / 2ⁱ, W / 2ⁱ, widths[i]]. */
  encode(x: Tensor, pass: Pass): Tensor[];
  /** These, the deepest with `beside` more channels, to [B, H, W, outputs]. */
  decode(maps: readonly Tensor[], pass: Pass): Tensor;
}

/** A U-Net for maps whose sides can be halved between its levels without a rest. */
export function unet({ inputs, outputs, widths, norm = "batch", beside = 0 }: UnetSizes): Unet {
  const deepest = widths.length - 1, levels = [...widths.keys()];
  const pair = (from: number, to: number) =>
    sequential(...[from, to].flatMap((C) => [
      conv2d(C, to, 3, { padding: 1, bias: norm === "none" }),
      ...(norm === "none" ? [] : [norm === "batch" ? batchNorm(to) : instanceNorm(to, { affine: true })]),
      act("relu"),
    ]));
  const down = levels.map((i) => pair(i === 0 ? inputs : widths[i - 1], widths[i]));
  // What comes up to a level has its width already, but to the one above the deepest.
  const up = levels.slice(0, deepest).map((i) => {
    const below = i + 1 === deepest ? widths[deepest] + beside : widths[i];
    return pair(below + widths[i], widths[Math.max(i - 1, 0)]);
  });
  const last = conv2d(deepest > 0 ? widths[0] : widths[0] + beside, outputs, 1);

  const encode = (x: Tensor, pass: Pass) => {
    const [, H, W] = x.shape, step = 2 ** deepest;
    if (x.shape.length !== 4 || H % step > 0 || W % step > 0) {
      throw new RangeError(`Expected maps whose sides are multiples of ${step}, but found [${x.shape}]`);
    }
    const maps: Tensor[] = [];
    for (const [i, layer] of down.entries()) {
      const ready = i === 0 ? x : maxPool(pass.tape, maps[i - 1], 2);
      maps.push(layer.forward(ready, within(pass, `down.${i}`)));
    }
    return maps;
  };
  const decode = (maps: readonly Tensor[], pass: Pass) => {
    let x = maps[deepest];
    for (let i = deepest - 1; i >= 0; i--) {
      const [, H, W] = maps[i].shape,
        larger = upsample(pass.tape, x, [H, W], "bilinear", { alignCorners: true });
      x = up[i].forward(concat(pass.tape, [maps[i], larger]), within(pass, `up.${i}`));
    }
    return last.forward(x, within(pass, "last"));
  };
  return {
    ...named({
      ...Object.fromEntries(down.map((layer, i) => [`down.${i}`, layer])),
      ...Object.fromEntries(up.map((layer, i) => [`up.${i}`, layer])),
      last,
    }),
    encode,
    decode,
    forward: (x, pass) => decode(encode(x, pass), pass),
  };
}
