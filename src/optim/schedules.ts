/**
 * Learning rates over time, as plain functions of the epoch, from 1 on: torch.optim.lr_scheduler's, where each epoch
 * ends with a step of the schedule.
 *
 * @module
 */

/** MultiStepLR with one milestone: a tenth of `lr` once `milestone` epochs are done. */
export function stepDecay(lr: number, epoch: number, milestone: number): number {
  return multiStep(lr, epoch, [milestone]);
}

/** MultiStepLR: `factor` times the rate for each of the milestones, in epochs that are done. */
export function multiStep(lr: number, epoch: number, milestones: readonly number[], factor = 0.1): number {
  return lr * factor ** milestones.filter((milestone) => epoch > milestone).length;
}

/** ExponentialLR: `factor` times the rate with every epoch. */
export function exponential(lr: number, epoch: number, factor: number): number {
  return lr * factor ** (epoch - 1);
}

/** CosineAnnealingLR: half a wave of a cosine, from `lr` down to 0 once all `epochs` are done. */
export function cosine(lr: number, epoch: number, epochs: number): number {
  return lr * (1 + Math.cos(Math.PI * (epoch - 1) / epochs)) / 2;
}
