/**
 * The loss of a batch, as the settings name it (docs/method.md §4).
 *
 * @module
 */
import { imageLoss, pixelLoss } from "../../autograd/losses.ts";
import { meanSquaredError } from "../../autograd/ops.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { AdtrConfig } from "../../model/adtr.ts";
import type { Sample } from "../trainable.ts";
import type { AdtrSettings } from "./settings.ts";

/**
 * L_norm, L_px or L_img.
 *
 * @param reconstruction [B, N, C with padding]
 * @param x what was to be reconstructed, of the same shape
 * @returns [1]
 */
export function lossOf(
  tape: Tape,
  reconstruction: Tensor,
  x: Tensor,
  batch: readonly Sample[],
  { loss, alpha, image_k }: Pick<AdtrSettings, "loss" | "alpha" | "image_k">,
  { C, H, W }: AdtrConfig,
): Tensor {
  const B = batch.length, N = H * W;
  if (loss === "norm") return meanSquaredError(tape, reconstruction, x, B * N * C);
  const y = tape.gpu.tensor(batch.flatMap(({ label }) => [...label]), loss === "px" ? [B, N] : [B]);
  return loss === "px"
    ? pixelLoss(tape, reconstruction, x, y, { channels: C, alpha })
    : imageLoss(tape, reconstruction, x, y, { channels: C, alpha, k: image_k });
}
