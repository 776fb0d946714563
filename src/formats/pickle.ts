/**
 * A machine for Python's pickles (protocols 2 to 5) that can build numbers, strings, bytes, lists, tuples, sets and dicts,
 * and nothing else: what a pickle wants to import and call is for the host to allow, and buffers outside of it are refused.
 * Nothing is ever executed, and reading ends soon whatever a pickle says; what is beyond these limits is refused:
 *
 *     MAX_STEPS    operations, and so values, entries of the memo and of all lists and dicts (a checkpoint of 1000 tensors
 *                  takes some 60 000)
 *     MAX_MARKS    marks within each other, of which Python's own pickles have a few
 *     MAX_MADE     times its own size, in bytes that are made of bytes already read (once or twice, to decode and turn an
 *                  array): a pickle may name a long string again and again
 *
 * Lengths of 64 bits and frames that reach beyond the pickle's end are a pickle that is cut off.
 *
 * Nothing here calls itself, so that values may lie within each other, or in themselves, to any depth.
 *
 * @module
 */
import type { Fail } from "../errors.ts";

const MAX_STEPS = 2 ** 22, MAX_MARKS = 1000, MAX_MADE = 4;
const MIN_PROTOCOL = 2, MAX_PROTOCOL = 5;

/** What Python's pickles can hold besides what is read here, by the operations for it. */
const UNREAD: [opcodes: string, what: string][] = [
  ["io\x81\x92", "that makes an object of a class"],
  ["\x82\x83\x84", "that names a class by its number in Python's registry"],
  ["\x97\x98", "whose buffers lie outside of it"],
  ["P", "that refers to something outside of it"],
  ["\x8b", "with a number of more than 255 bytes"],
  ["FILSVdglp2", "of protocol 0 or 1"],
];

/** What may be made of what was read. */
export class Allowance {
  #left: number;
  #fail: Fail;

  /** @param bytes the pickle's size */
  constructor(bytes: number, fail: Fail) {
    this.#left = MAX_MADE * bytes;
    this.#fail = fail;
  }

  /** Takes from it, before anything is made. Throws where too little is left. */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) this.#fail(`a pickle that makes more than ${MAX_MADE} times its size of its values`);
  }
}

/** What a pickle may ask for beyond plain values. Each throws what it does not allow. */
export interface Host {
  /** The value of `module.name`. */
  global(name: string): unknown;
  /** The result of calling a value with positional arguments. */
  call(callable: unknown, args: unknown[]): unknown;
  /** Gives an object its state. */
  build(object: unknown, state: unknown): void;
  /** The value that stands outside the pickle under this id. */
  persistent(id: unknown): unknown;
  /** The value of a str of Python 2: text or bytes, nobody knows. */
  str(bytes: Uint8Array<ArrayBuffer>): unknown;
}

/**
 * Runs the pickle that begins at `start`. Lists, tuples and sets become arrays, dicts Maps, whole numbers numbers where
 * they are safe integers and bigints elsewhere. Bytes as a dict's key become text, byte for byte (latin-1).
 *
 * @returns its value, and where the bytes after it begin
 */
export function unpickle(
  bytes: Uint8Array<ArrayBuffer>,
  start: number,
  host: Host,
  fail: Fail,
): { value: unknown; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const memo = new Map<number, unknown>();
  const outer: unknown[][] = []; // the stacks below each mark
  const allowance = new Allowance(bytes.length, fail);
  let stack: unknown[] = [];
  let at = start;

  /** Moves over so many bytes and gives their position. */
  const take = (count: number): number => {
    if (count > bytes.length - at) fail("a pickle that is cut off");
    at += count;
    return at - count;
  };
  const u8 = () => bytes[take(1)], u16 = () => view.getUint16(take(2), true);
  const u32 = () => view.getUint32(take(4), true), i32 = () => view.getInt32(take(4), true);
  const u64 = () => Number(view.getBigUint64(take(8), true)); // rounded only where it is beyond any pickle's end
  const slice = (length: number) => bytes.subarray(take(length), at);
  const text = (length: number) => utf8(slice(length), fail);
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) fail("a pickle that is cut off");
    return text(end + 1 - at).slice(0, -1);
  };
  const pop = (): unknown => stack.length > 0 ? stack.pop() : fail("a damaged pickle");
  const top = (): unknown => stack.length > 0 ? stack[stack.length - 1] : fail("a damaged pickle");
  /** The values above the last mark, which goes. */
  const popMark = (): unknown[] => {
    const values = stack;
    stack = outer.pop() ?? fail("a damaged pickle");
    return values;
  };
  const recall = (index: number) => stack.push(memo.has(index) ? memo.get(index) : fail("a damaged pickle"));
  const array = (value: unknown): unknown[] => Array.isArray(value) ? value : fail("a damaged pickle");
  const append = (values: unknown[]) => {
    const list = array(top());
    for (const value of values) list.push(value);
  };
  const setItems = (items: unknown[]) => {
    const dict = top();
    if (!(dict instanceof Map) || items.length % 2 !== 0) return fail("a damaged pickle");
    for (let i = 0; i < items.length; i += 2) {
      let key = items[i];
      if (key instanceof Uint8Array) {
        allowance.take(key.length);
        key = latin1(key);
      }
      if (typeof key === "object" && key !== null) fail("a dict whose keys are neither strings nor numbers");
      dict.set(key, items[i + 1]);
    }
  };

  for (let step = 0; step < MAX_STEPS; step++) {
    const opcode = u8();
    switch (String.fromCharCode(opcode)) {
      case "\x80": { // PROTO
        const protocol = u8();
        if (protocol < MIN_PROTOCOL || protocol > MAX_PROTOCOL) {
          fail(`a pickle of protocol ${protocol}, where ${MIN_PROTOCOL} to ${MAX_PROTOCOL} are read`);
        }
        break;
      }
      case "\x95": { // FRAME: so many bytes could be read at once
        const length = u64();
        if (length > bytes.length - at) fail("a pickle that is cut off");
        break;
      }
      case "N": // NONE
        stack.push(null);
        break;
      case "\x88": // NEWTRUE
        stack.push(true);
        break;
      case "\x89": // NEWFALSE
        stack.push(false);
        break;
      case "K": // BININT1
        stack.push(u8());
        break;
      case "M": // BININT2
        stack.push(u16());
        break;
      case "J": // BININT
        stack.push(i32());
        break;
      case "\x8a": // LONG1
        stack.push(long(slice(u8())));
        break;
      case "G": // BINFLOAT, the one number that is big-endian
        stack.push(view.getFloat64(take(8)));
        break;
      case "X": // BINUNICODE
        stack.push(text(u32()));
        break;
      case "\x8c": // SHORT_BINUNICODE
        stack.push(text(u8()));
        break;
      case "\x8d": // BINUNICODE8
        stack.push(text(u64()));
        break;
      case "C": // SHORT_BINBYTES
        stack.push(slice(u8()));
        break;
      case "B": // BINBYTES
        stack.push(slice(u32()));
        break;
      case "\x8e": // BINBYTES8
      case "\x96": // BYTEARRAY8
        stack.push(slice(u64()));
        break;
      case "U": // SHORT_BINSTRING, a str of Python 2
        stack.push(host.str(slice(u8())));
        break;
      case "T": // BINSTRING
        stack.push(host.str(slice(u32())));
        break;
      case "(": // MARK
        if (outer.push(stack) > MAX_MARKS) {
          fail(`a pickle with more than ${MAX_MARKS} marks within each other`);
        }
        stack = [];
        break;
      case "0": // POP, which takes a mark where nothing is above it
        if (stack.length > 0) stack.pop();
        else popMark();
        break;
      case "1": // POP_MARK
        popMark();
        break;
      case "]": // EMPTY_LIST
      case ")": // EMPTY_TUPLE
      case "\x8f": // EMPTY_SET
        stack.push([]);
        break;
      case "}": // EMPTY_DICT
        stack.push(new Map());
        break;
      case "t": // TUPLE
      case "\x91": { // FROZENSET
        const values = popMark();
        stack.push(values);
        break;
      }
      case "\x85": // TUPLE1
        stack.push([pop()]);
        break;
      case "\x86": // TUPLE2
        stack.push([pop(), pop()].reverse());
        break;
      case "\x87": // TUPLE3
        stack.push([pop(), pop(), pop()].reverse());
        break;
      case "a": // APPEND
        append([pop()]);
        break;
      case "e": // APPENDS
      case "\x90": // ADDITEMS
        append(popMark());
        break;
      case "s": // SETITEM
        setItems([pop(), pop()].reverse());
        break;
      case "u": // SETITEMS
        setItems(popMark());
        break;
      case "q": // BINPUT
        memo.set(u8(), top());
        break;
      case "r": // LONG_BINPUT
        memo.set(u32(), top());
        break;
      case "\x94": // MEMOIZE
        memo.set(memo.size, top());
        break;
      case "h": // BINGET
        recall(u8());
        break;
      case "j": // LONG_BINGET
        recall(u32());
        break;
      case "c": { // GLOBAL
        const module = line();
        stack.push(host.global(`${module}.${line()}`));
        break;
      }
      case "\x93": { // STACK_GLOBAL
        const name = pop(), module = pop();
        if (typeof name !== "string" || typeof module !== "string") return fail("a damaged pickle");
        stack.push(host.global(`${module}.${name}`));
        break;
      }
      case "R": { // REDUCE
        const args = array(pop());
        stack.push(host.call(pop(), args));
        break;
      }
      case "Q": // BINPERSID
        stack.push(host.persistent(pop()));
        break;
      case "b": { // BUILD
        const state = pop();
        host.build(top(), state);
        break;
      }
      case ".": // STOP
        return { value: pop(), end: at };
      default:
        fail(`a pickle ${unread(String.fromCharCode(opcode))}`);
    }
  }
  return fail(`a pickle of more than ${MAX_STEPS} operations`);
}

/** What an operation that is not read says of a pickle. */
function unread(opcode: string): string {
  return UNREAD.find(([opcodes]) => opcodes.includes(opcode))?.[1] ?? "that is damaged";
}

/** Text in UTF-8. */
export function utf8(bytes: Uint8Array, fail: Fail): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail("a string in a pickle that is not UTF-8");
  }
}

/** Text of which every character is a byte. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A whole number in two's complement, little-endian. */
function long(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = value << 8n | BigInt(bytes[i]);
  const signed = BigInt.asIntN(8 * bytes.length, value);
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}
