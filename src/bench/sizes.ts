/**
 * The sizes at which the transformer is timed: those of the presets.
 *
 * @module
 */
import type { AdtrConfig } from "../model/adtr.ts";
import { DEMO, PAPER } from "../methods/adtr/settings.ts";

/** The paper's, on EfficientNet-B4's features. */
export const PAPER_ADTR: AdtrConfig = sizes(PAPER, 720);
/** The paper's, of 32×32 features. */
export const LARGE_ADTR: AdtrConfig = { ...PAPER_ADTR, H: 32, W: 32 };
/** The demo's, on those of the built-in backbone. */
export const DEMO_ADTR: AdtrConfig = sizes(DEMO, 81);

/** Pixels a side of the paper's images. */
export const PAPER_SIDE = 256;

function sizes({ hidden, heads, ffn, layers, dropout }: typeof PAPER, C: number): AdtrConfig {
  const H = 16; // both presets'
  return { C, H, W: H, D: hidden, A: heads, F: ffn, encoder: layers, decoder: layers, dropout };
}
