/**
 * Files of text: JSON and tables, and damage to what they say rather than to their bytes.
 *
 * @module
 */
import { concatenated } from "../data/cifar_files.ts";
import { ANY, type Bytes, type Mutator, type Mutators, type Numbers, pieceMutators } from "./mutations.ts";

const encoder = new TextEncoder();

/** Text as bytes. */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** Bytes as text, whatever they are. */
export function textOf(file: Bytes): string {
  return new TextDecoder().decode(file);
}

const DEEP = 100_000, LONGEST = DEEP / 2;
/** What may stand in JSON where something else is expected. */
const VALUES: readonly string[] = [
  ..."null true false 0 -0 -1 0.5 8192 65536 4294967296 9007199254740993 1e400 1e-400 [] {} [[]] [null]"
    .split(" "),
  ...['""', '"none"', '"\\u0000"', '"\\ud800"', '"\\u001b[2J"', '"__proto__"', '{"__proto__":null}'],
  ...[
    '"all"',
    '"1,2"',
    '"0,0,5,5"',
    '"mask 8192x8192: 0,67108864"',
    '"quantile:0.5"',
    '{"length":4294967295}',
  ],
  `${"[".repeat(DEEP)}${"]".repeat(DEEP)}`,
  `"${"x".repeat(DEEP)}"`,
  `[${"0,".repeat(DEEP)}0]`,
];
/** Stands for one of them until the text is put together. */
const HOLE = "\uffff", KEYS = ["__proto__", "", "constructor", "toString", "length", "x".repeat(DEEP)];

type Node = { holder: Record<string, unknown>; key: string };

function nodesIn(value: unknown, nodes: Node[] = []): Node[] {
  if (typeof value !== "object" || value === null) return nodes;
  for (const key of Object.keys(value)) {
    const holder = value as Record<string, unknown>;
    nodes.push({ holder, key });
    nodesIn(holder[key], nodes);
  }
  return nodes;
}

/** JSON within JSON, as metadata has it; undefined where a text is none. */
function inner(text: unknown): object | undefined {
  if (typeof text !== "string" || !/^[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON with a value or a key that is another, or is gone; as it is where it is none, or has nothing in it. */
export function editedJson(text: string, [a, b, c]: Numbers): string {
  let whole: unknown;
  if (text.length > LONGEST) return text;
  try {
    whole = JSON.parse(text);
  } catch {
    return text;
  }
  const nodes = nodesIn(whole);
  if (nodes.length === 0) return text;
  const { holder, key } = nodes[a % nodes.length], within = inner(holder[key]);
  if (within !== undefined && c % 4 !== 0) {
    holder[key] = editedJson(JSON.stringify(within), [Math.floor(a / nodes.length), b, c >>> 2]);
  } else if (c % 8 === 1) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  } else if (c % 8 === 2 && !Array.isArray(holder)) {
    Object.defineProperty(holder, KEYS[b % KEYS.length], { value: holder[key], enumerable: true });
  } else holder[key] = HOLE;
  return JSON.stringify(whole).replace(`"${HOLE}"`, () => VALUES[b % VALUES.length]);
}

/** For files that are JSON as a whole. */
export const JSON_FILE: Mutators = { json: (file, numbers) => utf8(editedJson(textOf(file), numbers)) };

/** A text's lines, with their ends. */
function linesOf(file: Bytes): Bytes[] {
  return textOf(file).split(/(?<=\n)/).map(utf8);
}
const LINES = pieceMutators({ split: linesOf, join: concatenated }, 20_000);

/** Edits one line of a file. */
function onLine(edit: (line: string, numbers: Numbers) => string): Mutator {
  return (file, [a, b, c]) => {
    const lines = linesOf(file), at = a % lines.length;
    return concatenated(lines.with(at, utf8(edit(textOf(lines[at]), [b, c, a]))));
  };
}

/** For a JSON object a line. */
export const JSON_LINES: Mutators = {
  ...LINES,
  json: onLine((line, numbers) => editedJson(line, numbers) + (line.endsWith("\n") ? "\n" : "")),
};

/** Cells that mean something to readers of tables. */
const CELLS: readonly string[] = [
  ...[
    "",
    '"',
    '""',
    '"a',
    'a"b',
    "'",
    "'=1",
    "=1+1",
    "NaN",
    "Infinity",
    "-1",
    "1e999",
    "0x10",
    " 1 ",
    "\r",
    "\0",
  ],
  ...[
    "\ufeff",
    "..",
    "../../x",
    "/",
    "score",
    "train",
    "test",
    "anomaly",
    "normal",
    "anomalous",
    ",,,",
    "\u001b[2J",
  ],
  "x".repeat(DEEP),
  '"'.repeat(DEEP + 1),
];

/** For tables of cells between commas. */
export const TABLE: Mutators = {
  ...LINES,
  cell: onLine((line, [a, b]) => {
    const cells = line.split(","), at = a % cells.length, end = cells[at].endsWith("\n") ? "\n" : "";
    return cells.with(at, CELLS[b % CELLS.length] + end).join(",");
  }),
  quote: (file, [a, b]) => ANY.set(file, [a, b % 2 === 0 ? 0x22 : 0x0a, 0], []),
};
