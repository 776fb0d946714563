/**
 * What a long run tells whoever watches it.
 *
 * @module
 */

/** One step forward. */
export interface ProgressEvent {
  /** What is being done. */
  phase:
    | "data"
    | "features"
    | "fitting"
    | "base training"
    | "training"
    | "held-out images"
    | "evaluation"
    | "scoring";
  /** The category at work, where there is one. */
  category?: string;
  /** How much of `total` is done. */
  done: number;
  /** How much there is to do in this phase. */
  total: number;
  /** What `done` counts. */
  unit: string;
  /** Images that went through since the phase began, for the rate. */
  images?: number;
  /** In training: epochs finished. */
  epoch?: number;
  /** In training: epochs in all. */
  epochs?: number;
  /** In training: mean loss of the epoch so far, or of the last one finished. */
  loss?: number;
}

/** Called now and then, at least once a phase and once an epoch. */
export type OnProgress = (event: ProgressEvent) => void;
