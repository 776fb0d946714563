/**
 * Learning rates over time, as plain functions of the epoch.
 *
 * @module
 */

/** torch.optim.lr_scheduler.MultiStepLR with one milestone: a tenth of `lr` once `milestone` epochs are done. @param epoch from 1 on */
export function stepDecay(lr: number, epoch: number, milestone: number): number {
  return epoch <= milestone ? lr : 0.1 * lr;
}
