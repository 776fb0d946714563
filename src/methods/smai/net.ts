/**
 * SMAI's network (Li et al. 2020, BMVC): a U-Net from an image without some superpixels, and their mask, to the image.
 *
 * @module
 */
import type { Parts } from "../../model/network.ts";
import { unet } from "../../model/unet.ts";

/** Its size. */
export interface SmaiSizes {
  /** Channels of the first level; the next have two, four, eight and eight times as many. */
  width: number;
}

/** How often the side of an image is halved. */
export const HALVINGS = 4;

/** Images with their masks [B, S, S, 4] to [B, S, S, 3], S a multiple of 16. */
export function smaiNets({ width }: SmaiSizes): { inpainter: Parts } {
  const widths = [1, 2, 4, 8, 8].map((times) => times * width); // [S / 16, S / 16, 8 · width] at the deepest
  return { inpainter: { unet: unet({ inputs: 4, outputs: 3, widths }) } };
}
