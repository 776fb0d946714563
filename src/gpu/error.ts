/**
 * What goes wrong on the GPU: no adapter, a device lost or out of memory, a kernel that does not compile.
 *
 * @module
 */
import { InputError } from "../errors.ts";

/** The GPU cannot do what was asked. The message says what that was and, where something helps, what to lower. */
export class GpuError extends InputError {
  /** The class, as a stack trace shows it. */
  override name = "GpuError";
}

/** How the message of that failure begins. */
export const OUT_OF_MEMORY = "The GPU is out of memory";

/** A size as messages give it. */
export function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
