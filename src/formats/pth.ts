/**
 * PyTorch checkpoints, read without executing anything in them: what torch.save writes of tensors, dicts, lists and
 * numbers, as a ZIP archive (since 1.6) or in the legacy format (pickles, then the storages one after another), in
 * pickles of protocol 2 to 5. Of the state dicts in one, state_dicts.ts says which is meant.
 *
 * Limits, beside the pickle's (pickle.ts) and the archive's (zip.ts): a tensor has as many dimensions as PyTorch allows;
 * tensors that have to be copied take no more than the file's own size in all, and all tensors together, which may share
 * storages, MAX_SHARED times as much.
 *
 * @module
 */
import { type Fail, InputError } from "../errors.ts";
import { Allowance, type Host, unpickle, utf8 } from "./pickle.ts";
import { chosen, stateDicts } from "./state_dicts.ts";
import { type Dtype, DTYPE_BYTES, type StoredTensor } from "./tensor_file.ts";
import { readZip } from "./zip.ts";

/** A checkpoint's state dict. */
export interface Checkpoint {
  /** By name, in the dict's order. */
  tensors: Map<string, StoredTensor>;
  /** Where in what was saved it is, as `ema.state_dict`; `.` where it is what was saved. */
  key: string;
  /** Which of torch.save's two formats the file has. */
  format: "PyTorch" | "PyTorch (legacy)";
}

const STORAGES: Record<string, Dtype> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};
const ZIP = [0x50, 0x4b, 0x03, 0x04];
const LEGACY = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const LEGACY_AT = [2, 11]; // behind the pickle's protocol, and since protocol 4 its frame
const MAX_DIMENSIONS = 64; // PyTorch's
const MAX_SHARED = 16;
const MAX_SHOWN = 300; // characters of what was found

/** A storage that the pickle refers to. */
class Storage {
  constructor(readonly key: string, readonly dtype: Dtype, readonly count: number) {}

  get length(): number {
    return this.count * DTYPE_BYTES[this.dtype];
  }
}

/** A strided view of a storage; offset and strides in values. */
class View {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}
}

/** Whether a file begins as one of both formats does. */
export function isCheckpoint(file: Uint8Array): boolean {
  return begins(file, 0, ZIP) || LEGACY_AT.some((at) => begins(file, at, LEGACY));
}

function begins(file: Uint8Array, at: number, bytes: number[]): boolean {
  return bytes.every((byte, i) => file[at + i] === byte);
}

/**
 * Parses a checkpoint. Its state dict is the dict that was saved or one in it; entries that are no tensors are left out.
 * Tensors that are not contiguous are copied.
 *
 * @param path what errors call the file
 * @param key which state dict, where there may be several (`Checkpoint.key`)
 * @throws {InputError} where it is damaged, holds no state dict, none of that key or several that can be meant, or wants
 *   anything executed
 */
export function parseCheckpoint(file: Uint8Array<ArrayBuffer>, path: string, key?: string): Checkpoint {
  const fail: Fail = (found) => {
    throw new InputError(
      `Expected a PyTorch checkpoint of tensors and dicts in ${path}, but found ${found.slice(0, MAX_SHOWN)}`,
    );
  };
  const zip = begins(file, 0, ZIP);
  const { value, bytesOf } = zip ? readArchive(file, fail) : readLegacy(file, fail);
  const tensors = new Map<string, StoredTensor>();
  const budget = { copied: file.length, shared: MAX_SHARED * file.length };
  if (!(value instanceof Map)) fail("something else than a dict");
  const found = stateDicts(value as Map<unknown, unknown>, (entry) => entry instanceof View);
  if (found.length === 0) fail("no tensors by name");
  const { key: at, entries } = chosen(found, path, key);
  for (const [name, view] of entries) {
    tensors.set(name, materialise(name, view, bytesOf(view.storage), budget, fail));
  }
  return { tensors, key: at, format: zip ? "PyTorch" : "PyTorch (legacy)" };
}

/** What was saved, and where its storages' bytes are. */
interface Saved {
  value: unknown;
  bytesOf(storage: Storage): Uint8Array<ArrayBuffer>;
}

/** The ZIP format: `NAME/data.pkl` and a file `NAME/data/KEY` for each storage. */
function readArchive(file: Uint8Array<ArrayBuffer>, fail: Fail): Saved {
  const entries = readZip(file, fail);
  const [name, pickle] = [...entries].find(([name]) => /^[^/]*\/data\.pkl$/.test(name)) ??
    fail("a ZIP archive without data.pkl");
  const folder = name.slice(0, -"data.pkl".length);
  const order = entries.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(order) !== "little") fail("numbers that are not little-endian");
  return {
    value: unpickle(pickle, 0, new CheckpointHost(pickle.length, fail), fail).value,
    bytesOf(storage: Storage): Uint8Array<ArrayBuffer> {
      const bytes = entries.get(`${folder}data/${storage.key}`) ?? fail(`no storage ${storage.key}`);
      if (bytes.length !== storage.length) fail(sizes(storage, bytes.length));
      return bytes;
    },
  };
}

/** The legacy format: pickles of magic number, version, system, value and storage keys; then the storages in that order. */
function readLegacy(file: Uint8Array<ArrayBuffer>, fail: Fail): Saved {
  const host = new CheckpointHost(file.length, fail);
  let at = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(file, at, host, fail);
    at = end;
    return value;
  };
  next(); // the magic number, by which the format was recognised
  const version = next(), system = next();
  if (version !== 1001) {
    fail(`version ${typeof version === "number" ? version : "unknown"}, where PyTorch's is 1001`);
  }
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    fail("numbers that are not little-endian");
  }
  const value = next(), keys = next();
  if (!Array.isArray(keys)) return fail("no list of storages");
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (const key of keys) {
    const storage = host.storages.get(key) ?? fail("a storage that no tensor uses");
    if (at + 8 + storage.length > file.length) fail(`the storages cut off at ${file.length} bytes`);
    const count = Number(view.getBigUint64(at, true));
    if (count !== storage.count) fail(sizes(storage, count * DTYPE_BYTES[storage.dtype]));
    found.set(storage.key, file.subarray(at + 8, at + 8 + storage.length));
    at += 8 + storage.length;
  }
  return { value, bytesOf: ({ key }) => found.get(key) ?? fail(`no storage ${key}`) };
}

function sizes({ key, dtype, count, length }: Storage, found: number): string {
  return `${found} bytes in storage ${key}, where ${count} values of ${dtype} take ${length}`;
}

/** What the pickle of a checkpoint may name and call. */
class CheckpointHost implements Host {
  /** The storages so far, by key. */
  readonly storages = new Map<string, Storage>();
  #fail: Fail;
  #allowance: Allowance;
  #callables: Record<string, (args: unknown[]) => unknown> = {
    "collections.OrderedDict": (args) => this.#orderedDict(args),
    "torch.Size": ([sizes]) => sizes,
    "torch._utils._rebuild_parameter": ([data]) => data,
    "torch._utils._rebuild_tensor": (args) => this.#tensor(args),
    "torch._utils._rebuild_tensor_v2": (args) => this.#tensor(args),
  };

  /** @param bytes the pickle's size */
  constructor(bytes: number, fail: Fail) {
    this.#fail = fail;
    this.#allowance = new Allowance(bytes, fail);
  }

  global(name: string): unknown {
    if (Object.hasOwn(STORAGES, name)) return STORAGES[name];
    if (Object.hasOwn(this.#callables, name)) return this.#callables[name];
    const shown = JSON.stringify(name.slice(0, 100));
    return this.#fail(
      `${shown}.\nNothing in a checkpoint is executed: save the model's state_dict() instead`,
    );
  }

  call(callable: unknown, args: unknown[]): unknown {
    return typeof callable === "function"
      ? callable(args)
      : this.#fail("a call of something that is no function");
  }

  str(bytes: Uint8Array): string {
    return utf8(bytes, this.#fail);
  }

  /** Sets attributes; those of a dict (a state dict's _metadata) are of no use here. */
  build(object: unknown): void {
    if (!(object instanceof Map)) this.#fail("an object with attributes");
  }

  /** ("storage", type, key, location, number of values), in the legacy format with a sixth that is None. */
  persistent(id: unknown): Storage {
    const [kind, dtype, key, , count, view] = Array.isArray(id) ? id : [];
    if (
      kind !== "storage" || !Object.values(STORAGES).includes(dtype) || typeof key !== "string" ||
      !isSize(count)
    ) {
      return this.#fail("a reference to something that is no storage");
    }
    if (view) this.#fail("a view of a storage, as PyTorch before 0.4 wrote them");
    const storage = this.storages.get(key) ?? new Storage(key, dtype, count);
    if (storage.dtype !== dtype || storage.count !== count) {
      this.#fail(`storage ${key} described in two ways`);
    }
    this.storages.set(key, storage);
    return storage;
  }

  /** OrderedDict(), or with a list of pairs as Python 2 pickled it. */
  #orderedDict([pairs = []]: unknown[]): Map<unknown, unknown> {
    if (Array.isArray(pairs)) this.#allowance.take(pairs.length);
    if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && typeof pair[0] === "string")) {
      return this.#fail("a damaged pickle");
    }
    return new Map(pairs as [string, unknown][]);
  }

  /** (storage, offset, size, strides, …) */
  #tensor([storage, offset, shape, strides]: unknown[]): View {
    if (
      !(storage instanceof Storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides) ||
      shape.length !== strides.length
    ) {
      return this.#fail("a damaged tensor");
    }
    this.#allowance.take(2 * shape.length);
    return new View(storage, offset, [...shape], [...strides]); // the pickle may go on with its own
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isSize);
}

/** A view's values in row-major order: in place where they lie so, copied at the cost of `budget` where not. */
function materialise(
  name: string,
  { storage: { dtype, count }, offset, shape, strides }: View,
  bytes: Uint8Array<ArrayBuffer>,
  budget: { copied: number; shared: number },
  fail: Fail,
): StoredTensor {
  const size = DTYPE_BYTES[dtype];
  const values = shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1);
  if (values === 0) return { dtype, shape, bytes: new Uint8Array(0) };
  const last = shape.reduce((sum, d, i) => sum + (d - 1) * strides[i], offset);
  if (last >= count) fail(`${name} reaching beyond the ${count} values of its storage`);
  let step = 1; // what the next stride to the left would be
  const contiguous = shape.map((d, i) => [d, strides[i]]).reverse().every(([d, stride]) => {
    const fits = d === 1 || stride === step;
    step *= d;
    return fits;
  });
  if (contiguous) {
    budget.shared -= values * size;
    if (budget.shared < 0) {
      fail(`tensors of more than ${MAX_SHARED} times the file's own size, ${name} among them`);
    }
    return { dtype, shape, bytes: bytes.subarray(offset * size, (offset + values) * size) };
  }
  budget.copied -= values * size;
  if (budget.copied < 0) {
    fail(`tensors that repeat their storage beyond the file's own size, ${name} among them`);
  }
  const copy = new Uint8Array(values * size);
  const index = shape.map(() => 0);
  for (let to = 0, from = offset; to < copy.length; to += size) {
    for (let i = 0; i < size; i++) copy[to + i] = bytes[from * size + i];
    for (let d = shape.length - 1; d >= 0; d--) { // the next position, as a counter with carry
      from += strides[d];
      if (++index[d] < shape[d]) break;
      from -= index[d] * strides[d];
      index[d] = 0;
    }
  }
  return { dtype, shape, bytes: copy };
}
