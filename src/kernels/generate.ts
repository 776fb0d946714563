/**
 * Kernels whose text depends on their sizes, each made once.
 *
 * @module
 */
import type { Kernel } from "../gpu/kernel.ts";

/**
 * A text with `code`'s parts in the place of the lines `// @generate NAME`.
 *
 * @param kernel whose text it is, for errors
 * @throws {TypeError} where a line names no part, or a part has no line
 */
export function generate(
  source: string,
  code: Readonly<Record<string, string>>,
  kernel = "some kernel",
): string {
  const unused = new Set(Object.keys(code));
  const text = source.replace(/\/\/ @generate (\w+)/g, (_, name: string) => {
    if (code[name] === undefined) {
      throw new TypeError(`Expected ${kernel} to have the parts ${Object.keys(code)}, but found ${name}`);
    }
    unused.delete(name);
    return code[name];
  });
  if (unused.size > 0) {
    throw new TypeError(
      `Expected ${kernel} to have a place for each part, but found none for ${[...unused]}`,
    );
  }
  return text;
}

/** Finds a kernel by what it depends on, or makes it. */
export function kernelTable(): (key: string, make: () => Kernel) => Kernel {
  const kernels = new Map<string, Kernel>();
  return (key, make) => {
    let kernel = kernels.get(key);
    if (!kernel) kernels.set(key, kernel = make());
    return kernel;
  };
}
