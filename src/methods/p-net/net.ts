/**
 * P-Net's networks (Zhou et al. 2020, ECCV): a U-Net from an image's structure to the image, which is given the texture in its
 * deepest maps only, by an encoder of the image; and a discriminator of patches, that of pix2pix (Isola et al. 2017), whose
 * features are compared too.
 *
 * @module
 */
import { activation } from "../../autograd/activations.ts";
import { channels, concat } from "../../autograd/shapes.ts";
import { act, batchNorm, conv2d, type Layer, named, sequential, within } from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";
import { unet } from "../../model/unet.ts";

/** Sizes of the networks. */
export interface PnetSizes {
  /** Channels of the first level; the next have two, four, eight and eight times as many. */
  width: number;
}

/** The discriminator's layers: the maps behind each are its features, but the last. */
export const LAYERS = ["layer1", "layer2", "layer3", "layer4"] as const;

const leaky = act({ leaky: 0.2 });
const half = { stride: 2, padding: 1 };

/** Images in 0..1 with their structure, [B, S, S, 4], to images, S a multiple of 16. Shapes are those of S = 64, width 64. */
export function pnetNets({ width: w }: PnetSizes): { generator: Parts; discriminator: Parts } {
  const block = (inputs: number, outputs: number, stride: number) =>
    sequential(conv2d(inputs, outputs, 4, { stride, padding: 1, bias: false }), batchNorm(outputs), leaky);
  return {
    generator: { generator: reconstruction(w) },
    discriminator: {
      layer1: sequential(conv2d(3, w, 4, half), leaky), // [32, 32, 64]
      layer2: block(w, 2 * w, 2), // [16, 16, 128]
      layer3: block(2 * w, 4 * w, 2), // [8, 8, 256]
      layer4: block(4 * w, 8 * w, 1), // [7, 7, 512]
      classifier: conv2d(8 * w, 1, 4, { padding: 1 }), // [6, 6, 1], a logit a patch
    },
  };
}

/** Structure and texture to the image. */
function reconstruction(w: number): Layer {
  const widths = [w, 2 * w, 4 * w, 8 * w, 8 * w]; // [64, 64, 64] … [4, 4, 512]
  const structure = unet({ inputs: 1, outputs: 3, widths, beside: 8 * w });
  const texture = sequential(
    ...[conv2d(3, w, 4, half), leaky], // [32, 32, 64]
    ...[w, 2 * w, 4 * w].flatMap((
      C,
    ) => [conv2d(C, 2 * C, 4, { ...half, bias: false }), batchNorm(2 * C), leaky]), // [4, 4, 512]
  );
  return {
    ...named({ structure, texture }),
    forward(x, pass) {
      const { tape } = pass, inner = within(pass, "structure");
      const maps = structure.encode(channels(tape, x, 3, 1), inner), deepest = maps.pop()!;
      const look = texture.forward(channels(tape, x, 0, 3), within(pass, "texture"));
      return activation(tape, structure.decode([...maps, concat(tape, [deepest, look])], inner), "sigmoid");
    },
  };
}
