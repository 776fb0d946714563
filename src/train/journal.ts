/**
 * What a training leaves behind: checkpoints to go on from, a log, and what was learned in the end. Where that lies is for
 * whoever keeps it; nothing here knows of files.
 *
 * @module
 */
import type { Content } from "../formats/tensor_file.ts";

/** A line of the log. */
export interface LogEntry {
  /** From 1 on. */
  readonly step: number;
  /** From 1 on. */
  readonly epoch: number;
  /** Before the step. */
  readonly loss: number;
  /** Learning rate in effect. */
  readonly lr: number;
  /** L2 norm of all gradients, before clipping. */
  readonly grad_norm: number;
  /** Parts of the loss, where a method has some. */
  readonly [part: string]: number;
}

/** Keeps a training. */
export interface Journal {
  /** Its name in errors. */
  readonly name: string;
  /**
   * The last checkpoint's bytes; null where the training is to begin.
   *
   * @throws {InputError} where it can't be read, or there is a finished model and nothing to go on from
   */
  read(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Keeps a checkpoint in the place of the last one. */
  write(checkpoint: Content): Promise<void>;
  /** Begins the log, or cuts it to the first `steps`. */
  begin(steps: number): Promise<void>;
  /** Adds to the log. */
  append(entries: readonly LogEntry[]): Promise<void>;
  /** Keeps what was learned. */
  keep(model: Content): Promise<void>;
  /** The bytes of what was learned, where a training is gone on with that had ended; null elsewhere. */
  kept(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** The journal of a training that comes before, or beside. */
  before(name: string): Promise<Journal>;
  /** Forgets that of a training beside, where there is one. */
  drop(name: string): Promise<void>;
}

/** Keeps nothing. */
export const NO_JOURNAL: Journal = {
  name: "the training",
  read: () => Promise.resolve(null),
  write: () => Promise.resolve(),
  begin: () => Promise.resolve(),
  append: () => Promise.resolve(),
  keep: () => Promise.resolve(),
  kept: () => Promise.resolve(null),
  before: () => Promise.resolve(NO_JOURNAL),
  drop: () => Promise.resolve(),
};
