/**
 * What a training leaves behind: checkpoints to go on from, a log, and what was learned in the end. Where that lies is for
 * whoever keeps it; nothing here knows of files.
 *
 * @module
 */
import type { Content } from "../formats/tensor_file.ts";
import type { Shelf } from "../score/kept.ts";
import type { Checkpoint } from "./checkpoint.ts";

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
   * The last checkpoint; null where the training is to begin. Where more than one is kept, it is the last that is whole.
   *
   * @param parse makes it of bytes and what errors call them. @throws {InputError} where they are damaged
   * @throws {InputError} where none is whole, or there is a finished model and nothing to go on from
   */
  read(
    parse: (bytes: Uint8Array<ArrayBuffer>, name: string) => Promise<Checkpoint>,
  ): Promise<Checkpoint | null>;
  /** Keeps a checkpoint, so that at any moment there is one that is whole. */
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
  /** A place for features that memory has no room for, until the training has ended; without one memory has to do. */
  shelf?(): Shelf;
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
