/**
 * Straight-line WGSL: software adapters are slow at loops over small arrays, which they don't keep in registers.
 *
 * @module
 */

/**
 * Repeats each line `// @each statement` for all values of the names in its braces, the last name's first.
 *
 * @param text `// @each let y{row}_{part} = x{row};`
 * @param below how many values each name has: `{ row: 2, part: 3 }` makes six lines, `let y0_0 = x0;` first
 * @param kernel whose text it is, for errors
 * @throws {TypeError} where a name is not among these, or stands in braces on a line without the mark
 */
export function each(text: string, below: Readonly<Record<string, number>>, kernel = "some kernel"): string {
  const filled = text.replace(/\/\/ @each (.*)/g, (_, statement: string) => {
    const names = new Set([...statement.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    let lines = [statement];
    for (const name of names) {
      const count = below[name];
      if (count === undefined) {
        throw new TypeError(
          `Expected ${kernel} to repeat for ${Object.keys(below)}, but found {${name}} in: ${statement}`,
        );
      }
      lines = lines.flatMap((line) =>
        Array.from({ length: count }, (_, i) => line.replaceAll(`{${name}}`, `${i}`))
      );
    }
    return lines.join("\n");
  });
  const left = filled.split("\n").find((line) => /\{\w+\}/.test(line.replace(/\/\/.*/, "")));
  if (left !== undefined) {
    throw new TypeError(`Expected ${kernel} to repeat lines marked @each only, but found: ${left.trim()}`);
  }
  return filled;
}
