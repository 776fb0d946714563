/**
 * The safetensors format, read and written: 8 bytes of header length (little-endian), a JSON header
 * `{"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {…}}`, the tensors' bytes without gaps.
 * A header has MAX_HEADER bytes at most and every key once; tensors lie within the file, and nothing is copied.
 *
 * @module
 */
import { InputError, shortened } from "../errors.ts";
import { type Dtype, DTYPE_BYTES, type StoredTensor, type TensorFile } from "./tensor_file.ts";

const MAX_HEADER = 100_000_000; // bytes, as in the reference implementation
const MAX_SHOWN = 200; // characters of what was expected and found: names and shapes may have any length

/**
 * Parses a safetensors file; the tensors are views of `file`. Nothing is allocated by a size that the file declares.
 *
 * @param path what errors call the file
 * @throws {InputError} where any part of it is not as the format wants it
 */
export function parseSafetensors(file: Uint8Array<ArrayBuffer>, path: string): TensorFile {
  const fail = (expected: string, found: string): never => {
    throw new InputError(
      `${path} is not a valid safetensors file: expected ${shortened(expected, MAX_SHOWN)}, but found ${
        shortened(found, MAX_SHOWN)
      }`,
    );
  };
  if (file.length < 8) fail("8 bytes of header length", `a file of ${file.length} bytes`);
  const declared = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER, file.length - 8);
  if (declared > limit) fail(`a header of at most ${limit} bytes`, `one of ${declared}`);
  const start = 8 + Number(declared), end = file.length - start;

  const header = parseHeader(file.subarray(8, start), fail);
  const entries: { name: string; from: number; to: number; tensor: StoredTensor }[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      metadata = isObject(entry) ? entry as Record<string, string> : fail("metadata in braces", show(entry));
      const odd = Object.values(metadata).find((value) => typeof value !== "string");
      if (odd !== undefined) fail("only strings in the metadata", show(odd));
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = isObject(entry)
      ? entry
      : fail(`{dtype, shape, data_offsets} for ${name}`, show(entry));
    if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype)) {
      return fail(`${name}'s dtype to be one of ${Object.keys(DTYPE_BYTES).join(", ")}`, show(dtype));
    }
    if (!isSizes(shape)) return fail(`${name}'s shape to be a list of whole numbers`, show(shape));
    if (!isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1] || offsets[1] > end) {
      return fail(`${name}'s data_offsets to be a range within the ${end} bytes of data`, show(offsets));
    }
    const [from, to] = offsets;
    const wanted = shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype as Dtype]);
    if (wanted !== to - from) fail(`${wanted} bytes for ${name}, ${dtype} [${shape}]`, `${to - from}`);
    const bytes = file.subarray(start + from, start + to);
    entries.push({ name, from, to, tensor: { dtype: dtype as Dtype, shape, bytes } });
  }

  const tensors = new Map<string, StoredTensor>(); // in the order of their data
  let reached = 0;
  for (const { name, from, to, tensor } of entries.sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== reached) fail(`${name}'s data to begin at ${reached}, where the last ends`, `${from}`);
    reached = to;
    tensors.set(name, tensor);
  }
  if (reached !== end) fail(`${reached} bytes of data`, `${end}`);
  return { path, tensors, metadata };
}

type Fail = (expected: string, found: string) => never;

/** The header's JSON, an object in which no key comes twice. */
function parseHeader(bytes: Uint8Array<ArrayBuffer>, fail: Fail): Record<string, unknown> {
  let text = "", header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    return fail("a header in JSON", (error as Error).message);
  }
  if (!isObject(header)) return fail("a header in braces", show(header));
  const twice = duplicateKey(text);
  if (twice !== undefined) fail("every key once", `${JSON.stringify(twice)} twice`);
  return header;
}

/** The first key that one object of a valid JSON text has twice: JSON.parse would keep the last without a word. */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = []; // the keys so far of every object around
  let string = "";
  for (let i = 0; i < json.length; i++) {
    if (json[i] === "{") open.push(new Set());
    else if (json[i] === "}") open.pop();
    else if (json[i] === ":") { // the string before it was a key
      const keys = open[open.length - 1], key = JSON.parse(string);
      if (keys.has(key)) return key;
      keys.add(key);
    } else if (json[i] === '"') {
      const begin = i++;
      while (json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
      string = json.slice(begin, i + 1);
    }
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether it is a list of whole numbers, none negative or beyond 2^53. */
function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** A value of the header in a message of one line. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? text.slice(0, 60) + "…" : text;
}

/** The bytes of a safetensors file: tensors in the map's order, the same input always giving the same bytes. */
export function serializeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const head = safetensorsHeader(tensors, metadata);
  const length = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes.length, head.length);
  const file = new Uint8Array(length);
  file.set(head);
  let at = head.length;
  for (const { bytes } of tensors.values()) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/**
 * What such a file begins with, the tensors' bytes in the map's order being the rest: header length and header, padded
 * with spaces so that the data begins at a multiple of 8.
 */
export function safetensorsHeader(
  tensors: ReadonlyMap<string, Pick<StoredTensor, "dtype" | "shape">>,
  metadata: Record<string, string>,
): Uint8Array<ArrayBuffer> {
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  let end = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const begin = end;
    end += shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype]);
    header.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  // Not by one JSON.stringify: an object would put names that look like numbers first.
  const text = header.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(",");
  const json = new TextEncoder().encode(`{${text}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}
