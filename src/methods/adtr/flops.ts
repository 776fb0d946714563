/**
 * How much arithmetic ADTR's training is.
 *
 * @module
 */
import type { AdtrConfig } from "../../model/adtr.ts";

/** Floating-point operations of the matrix products of a training step on B images. */
export function trainingFlops({ C, H, W, D, F, encoder, decoder }: AdtrConfig, B: number): number {
  const N = H * W, attention = 4 * D * D + 2 * N * D, feedForward = 2 * D * F;
  const forward = 2 * C * D + encoder * (attention + feedForward) + decoder * (2 * attention + feedForward);
  const backward = 2 * forward - C * D; // features need no gradient
  return 2 * B * N * (forward + backward);
}
