/**
 * ARNet's network (Huang et al. 2020, arXiv 1911.10676): a U-Net from an image with erased attributes to the image.
 *
 * @module
 */
import type { Parts } from "../../model/network.ts";
import { unet } from "../../model/unet.ts";

/** Its sizes, and what is erased. */
export interface ArnetSizes {
  /** Channels of the first level; the next have two, four, eight and eight times as many. */
  width: number;
  /** What comes in: 1 where colour is erased, else 3. */
  channels: number;
  /** By how many quarters images may be turned: 4 where the orientation is erased, else 1. */
  turns: number;
}

/** How often the side of an image is halved. */
export const HALVINGS = 4;

/** Images [B, S, S, channels] to [B, S, S, 3], S a multiple of 16. */
export function arnetNets({ width, channels }: ArnetSizes): { restorer: Parts } {
  const widths = [1, 2, 4, 8, 8].map((times) => times * width); // [S / 16, S / 16, 8 · width] at the deepest
  return { restorer: { unet: unet({ inputs: channels, outputs: 3, widths }) } };
}
