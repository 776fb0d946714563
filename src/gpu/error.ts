/**
 * What goes wrong on the GPU, told apart by whose it is to mend: the circumstances, or this program.
 *
 * @module
 */

/** What it was: `lost` and `closed` are for good, all others leave the GPU as usable as before. */
export type GpuErrorKind =
  | "no-adapter"
  | "no-device"
  | "self-test"
  | "too-large"
  | "out-of-memory"
  | "read"
  | "lost"
  | "closed";

/** The GPU cannot do what was asked, with these sizes or at all: nothing is wrong with the program. */
export class GpuError extends Error {
  /** The class, as a stack trace shows it. */
  override name = "GpuError";
  /** What it was. */
  readonly kind: GpuErrorKind;
  /** Settings that help where they are lowered, by their names: `["batch_size"]`. */
  readonly lower: readonly string[];

  /** An error to throw. */
  constructor(kind: GpuErrorKind, message: string, lower: readonly string[] = []) {
    super(message);
    this.kind = kind;
    this.lower = lower;
  }
}

/** A kernel does not compile, or the device refuses how it is used: a fault of the program. It is for good. */
export class KernelError extends Error {
  /** The class, as a stack trace shows it. */
  override name = "KernelError";

  /** An error to throw. @param stack of an error made where the fault is: the device speaks up some turns later */
  constructor(message: string, stack?: string) {
    super(message);
    const frames = stack?.split("\n").slice(1).join("\n");
    if (frames) this.stack = `${this.name}: ${message}\n${frames}`;
  }
}

/** The settings that most memory goes by. */
export const SIZES: readonly string[] = ["batch_size", "feature_size", "image_size"];

/** A size as messages give it. */
export function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
