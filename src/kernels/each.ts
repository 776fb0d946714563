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
 */
export function each(text: string, below: Readonly<Record<string, number>>): string {
  return text.replace(/\/\/ @each (.*)/g, (_, statement: string) => {
    const names = new Set([...statement.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    let lines = [statement];
    for (const name of names) {
      lines = lines.flatMap((line) =>
        Array.from({ length: below[name] }, (_, i) => line.replaceAll(`{${name}}`, `${i}`))
      );
    }
    return lines.join("\n");
  });
}
