/**
 * Kernels whose text depends on their sizes, by the lines marked `// @generate NAME`, each made once.
 *
 * @module
 */
import type { Kernel } from "../gpu/kernel.ts";

/** A text with `code`'s parts in the place of the marks that name them. @throws {Error} where one names none of them */
export function generate(source: string, code: Readonly<Record<string, string>>): string {
  return source.replace(/\/\/ @generate (\w+)/g, (_, part: string) => {
    if (!Object.hasOwn(code, part)) throw new Error(`Expected code for @generate ${part}, but found none`);
    return code[part];
  });
}

/** Finds a kernel by what its text depends on, or makes it: the same object each time, which its pipeline is found by. */
export function kernelTable(): (key: string, make: () => Kernel) => Kernel {
  const kernels = new Map<string, Kernel>();
  return (key, make) => {
    let kernel = kernels.get(key);
    if (!kernel) kernels.set(key, kernel = make());
    return kernel;
  };
}
