/**
 * What a method that is trained by steps gives the house's loop, which knows none by name, and what it gets from it.
 *
 * @module
 */
import type { Scope } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { AnomalyName } from "../data/anomalies/catalogue.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Parameters } from "../optim/parameters.ts";

/** Parameters and the optimizer that moves them. */
export interface Group {
  readonly parameters: Parameters;
  readonly optimizer: Optimizer;
}

/** All that loop, checkpoint and resume need. */
export interface Trainable {
  /** Several where networks are trained against each other. */
  readonly groups: readonly Group[];
  /** What changes in training beside parameters, as running statistics, by name. */
  readonly buffers: ReadonlyMap<string, Tensor>;
  /** Before the first step of each epoch, counted from 1 on: what is measured there must follow from what checkpoints keep. */
  beginEpoch?(epoch: number): Promise<void>;
  /** Records one step, within a step of the GPU: forward, backward, and what the optimizers do. */
  step(scope: Scope, batch: readonly Sample[], at: StepInfo): StepLog;
}

/** Which step it is. */
export interface StepInfo {
  /** From 0 on. */
  readonly step: number;
  /** From 1 on. */
  readonly epoch: number;
}

/** What a step leaves in the log. */
export interface StepLog {
  /** The loss before the step, [1]. */
  readonly loss: Tensor;
  /** Its parts, or those of several networks, by name, [1] each. */
  readonly parts?: Readonly<Record<string, Tensor>>;
  /** The square of the gradients' norm before clipping, [1]. */
  readonly squares: Tensor;
  /** The learning rate in effect. */
  readonly lr: number;
}

/** An image to learn from. */
export interface Sample {
  /** Features [N, C], or pixels [S · S, 3]. */
  readonly features: Float32Array<ArrayBuffer>;
  /** [S · S, 3] in 0..1, where the method looks at these beside features. */
  readonly pixels?: Float32Array<ArrayBuffer>;
  /** [N] where positions are labelled, [1] where images are: 1 anomalous, 0 normal. */
  readonly label: Uint8Array;
}

/** What a training is made of. */
export interface TrainingSet {
  /** Features of the normal images. Each may be read anew when it is asked for: who goes through them keeps few. */
  readonly normal: readonly Float32Array<ArrayBuffer>[];
  /** Pixels of the normal images, [S · S, 3] in 0..1, where the method looks at these beside features. */
  readonly pixels?: readonly Float32Array<ArrayBuffer>[];
  /** Optimizer steps an epoch. */
  readonly steps: number;
  /** Tells it from others, hexadecimal: of all features and labels; what is drawn of them follows from the settings. */
  readonly sha256: string;
  /** The images of a step, counted from 0. */
  batch(step: number): Promise<readonly Sample[]>;
}

/** What to make a training set of. */
export interface TrainingSetOptions {
  /** Labels that are learned from beside the normal images; null for none. */
  readonly labels: "pixels" | "images" | null;
  /** B */
  readonly batch_size: number;
  /** Whether images come in a new random order each epoch. */
  readonly shuffle: boolean;
  /** Synthetic anomalies, for labels of pixels where no labelled images are given. */
  readonly anomalies?: AnomalyName;
  /** Anomalous images that are drawn beforehand and used again and again; 0 for new ones in every step. */
  readonly anomaly_pool?: number;
}
