/**
 * Straight-line WGSL: software adapters are slow at loops over small arrays, which they don't keep in registers. Lines of a
 * kernel that begin with `// @each` are repeated here, so that the file stays one that an editor can parse.
 *
 * @module
 */

/** How many values each name takes, from 0 on; names that are never looped over are plain numbers. */
export type Counts = Readonly<Record<string, number>>;

/**
 * Repeats statements for all values of the names in their braces, and blocks for all values of a name:
 *
 *     // @each let y{row}_{part} = x{row};        for every row and part, the last name's first
 *     // @each y{j} += x{j * STRIDE + q};         arithmetic; names in capitals are numbers
 *     // @each y{i} += w{r - i * STRIDE < K};     left out where the subscript is not 0 … K − 1
 *     // @each q:                                 all up to its `// @end`, for every q, which is known within
 *     // @end                                     (a count of 0 or 1 leaves a block out or takes it as it is)
 *
 * @param below how many values each name has: `{ row: 2, part: 3 }` makes six lines, `let y0_0 = x0;` first
 * @param kernel whose text it is, for errors
 * @throws {TypeError} where a name is not among them, a block has no end, or a name stands in braces on a line without the mark
 */
export function each(text: string, below: Counts, kernel = "some kernel"): string {
  const lines = expandIn(kernel, text, below);
  const left = lines.find((line) => /\{\w+\}/.test(line.replace(/\/\/.*/, "")));
  if (left !== undefined) {
    throw new TypeError(`Expected ${kernel} to repeat lines marked @each only, but found: ${left.trim()}`);
  }
  return lines.join("\n");
}

function expandIn(kernel: string, text: string, below: Counts): string[] {
  try {
    return expand(text.split("\n"), below, {});
  } catch (error) {
    throw new TypeError(`In ${kernel}: ${(error as Error).message}`);
  }
}

const BLOCK = /^\s*\/\/ @each (\w+):$/, END = /^\s*\/\/ @end$/, STATEMENT = /^(.*)\/\/ @each (.*)$/;
const SUBSCRIPT = /\{(\S[^{}]*)\}/g; // code's own braces are followed by a space

function expand(lines: readonly string[], below: Counts, known: Counts): string[] {
  const out: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const block = BLOCK.exec(lines[at])?.[1], statement = STATEMENT.exec(lines[at]);
    if (block !== undefined) {
      const end = endOf(lines, at), inner = lines.slice(at + 1, end);
      for (let i = 0; i < lookUp(block, below); i++) {
        out.push(...expand(inner, below, { ...known, [block]: i }));
      }
      at = end;
    } else if (END.test(lines[at])) {
      throw new Error("Expected an @end behind a block of its own, but found one too many");
    } else if (statement) {
      const [, before, code] = statement;
      out.push(before + repeat(code, below, known).join("\n"));
    } else {
      out.push(lines[at]);
    }
  }
  return out;
}

/** The line that ends the block which begins at a line. */
function endOf(lines: readonly string[], begin: number): number {
  let depth = 0;
  for (let at = begin; at < lines.length; at++) {
    if (BLOCK.test(lines[at])) depth++;
    if (END.test(lines[at]) && --depth === 0) return at;
  }
  throw new Error(`Expected an @end for the block ${lines[begin].trim()}, but found none`);
}

/** A statement for all values of the names in its braces that are not known yet. */
function repeat(code: string, below: Counts, known: Counts): string[] {
  const subscripts = [...code.matchAll(SUBSCRIPT)].map(([, expression]) => expression);
  const free = subscripts.flatMap((expression) => expression.match(/[A-Za-z]\w*/g) ?? [])
    .find((name) => name !== name.toUpperCase() && !(name in known));
  if (free !== undefined) {
    return Array.from({ length: lookUp(free, below) }, (_, i) => repeat(code, below, { ...known, [free]: i }))
      .flat();
  }
  const numbers = { ...below, ...known };
  for (const expression of subscripts) {
    const [value, bound] = expression.split("<").map((part) => evaluate(part, numbers));
    if (bound !== undefined && !(value >= 0 && value < bound)) return [];
  }
  return [
    code.replace(SUBSCRIPT, (_, expression: string) => `${evaluate(expression.split("<")[0], numbers)}`),
  ];
}

/** Whole numbers, names, + − * / % and parentheses, as in WGSL: quotients are cut off. */
function evaluate(expression: string, numbers: Counts): number {
  const tokens = expression.match(/\w+|[^\s\w]/g) ?? [];
  const wrong = (): never => {
    throw new Error(`Expected arithmetic in the braces of @each, but found ${expression}`);
  };
  const atom = (): number => {
    const token = tokens.shift() ?? "";
    if (token === "(") {
      const value = sum();
      return tokens.shift() === ")" ? value : wrong();
    }
    return /^\d+$/.test(token) ? Number(token) : lookUp(token, numbers);
  };
  const product = (): number => {
    let value = atom();
    while (tokens[0] === "*" || tokens[0] === "/" || tokens[0] === "%") {
      const sign = tokens.shift(), other = atom();
      value = sign === "*" ? value * other : sign === "/" ? Math.trunc(value / other) : value % other;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    while (tokens[0] === "+" || tokens[0] === "-") value += tokens.shift() === "+" ? product() : -product();
    return value;
  };
  const value = sum();
  return tokens.length === 0 ? value : wrong();
}

function lookUp(name: string, numbers: Counts): number {
  if (!Object.hasOwn(numbers, name)) {
    throw new Error(
      `Expected one of ${Object.keys(numbers).join(", ")} in @each, but found ${name || "nothing"}`,
    );
  }
  return numbers[name];
}
