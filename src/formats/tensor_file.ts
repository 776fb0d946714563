/**
 * Tensors as weight files hold them, whatever the format: bytes of a dtype, little-endian, row-major; and the same as
 * float32, checked.
 *
 * @module
 */
import { InputError, shortened } from "../errors.ts";

/** A dtype that is read, by its name in safetensors. */
export type Dtype =
  | "BOOL"
  | "U8"
  | "I8"
  | "I16"
  | "U16"
  | "F16"
  | "BF16"
  | "I32"
  | "U32"
  | "F32"
  | "I64"
  | "U64"
  | "F64";

/** Bytes of a value of every dtype. */
export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
};

/** A tensor in a file. A shape without dimensions is a single value's; a dimension may be 0. */
export interface StoredTensor {
  /** What `bytes` are. */
  dtype: Dtype;
  /** Dimensions, outermost first. */
  shape: readonly number[];
  /** Little-endian, row-major; often a view of the whole file. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** Tensors with texts about them, as a safetensors file has them. */
export interface Content {
  /** By name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Texts by their keys. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a file of tensors holds. */
export interface TensorFile {
  /** What errors call the file. */
  path: string;
  /** By name, in the file's order. */
  tensors: Map<string, StoredTensor>;
  /** What a safetensors file says about itself; empty for other formats. */
  metadata: Record<string, string>;
}

/** StoredValues that can be stored as they are. */
export type StoredValues =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

/**
 * StoredValues under a shape, to be written. Keeps a view of them.
 *
 * @throws {RangeError} where the shape is of another number of values
 */
export function stored(values: StoredValues, shape: readonly number[] = [values.length]): StoredTensor {
  if (shape.reduce((a, b) => a * b, 1) !== values.length) {
    throw new RangeError(`Expected a shape of ${values.length} values, but found [${shape}]`);
  }
  const { buffer, byteOffset, byteLength } = values;
  return { dtype: dtypeOf(values), shape, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
}

function dtypeOf(values: StoredValues): Dtype {
  if (values instanceof Float32Array) return "F32";
  if (values instanceof Float64Array) return "F64";
  if (values instanceof Uint8Array) return "U8";
  if (values instanceof Int32Array) return "I32";
  if (values instanceof Uint32Array) return "U32";
  return values instanceof BigInt64Array ? "I64" : "U64";
}

/** A tensor's values rounded to float32, in memory of their own. */
export function float32Of({ dtype, bytes }: StoredTensor): Float32Array<ArrayBuffer> {
  const { buffer } = bytes.slice(); // a typed array's view has to begin at a multiple of its value's size
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return new Float32Array(new Float64Array(buffer));
    case "F16":
      return Float32Array.from(new Float16Array(buffer));
    case "BF16":
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
    case "I64":
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case "U64":
      return Float32Array.from(new BigUint64Array(buffer), Number);
    case "I32":
      return new Float32Array(new Int32Array(buffer));
    case "U32":
      return new Float32Array(new Uint32Array(buffer));
    case "I16":
      return new Float32Array(new Int16Array(buffer));
    case "U16":
      return new Float32Array(new Uint16Array(buffer));
    case "I8":
      return new Float32Array(new Int8Array(buffer));
    case "U8":
    case "BOOL":
      return new Float32Array(bytes);
  }
}

/**
 * A tensor of floating-point numbers rounded to float16 where it has two dimensions or more; others, BatchNorm's among
 * them, are little of a file, and their small numbers would lose digits.
 *
 * @param path what errors call the file
 * @throws {InputError} where float16 has no value for one
 */
export function halved(tensor: StoredTensor, name: string, path: string): StoredTensor {
  const { dtype, shape } = tensor;
  if (shape.length < 2 || !["BF16", "F32", "F64"].includes(dtype)) return tensor;
  const values = Float16Array.from(float32Of(tensor));
  requireFinite(values, `${name}, in float16,`, path);
  return { dtype: "F16", shape, bytes: new Uint8Array(values.buffer) };
}

/**
 * A file's tensor of that name and shape as float32, in memory of its own.
 *
 * @throws {InputError} where it is missing, of another shape, not of a floating-point dtype, or has NaN or infinities
 */
export function expectTensor(
  { path, tensors }: TensorFile,
  name: string,
  shape: readonly number[],
): Float32Array<ArrayBuffer> {
  const tensor = tensors.get(name);
  if (!tensor) throw new InputError(`Expected a tensor ${name} in ${path}, but found none of that name`);
  if (tensor.shape.length !== shape.length || tensor.shape.some((d, i) => d !== shape[i])) {
    throw new InputError(
      `Expected ${name} in ${path} to have shape [${shape}], but found [${shortened(tensor.shape)}]`,
    );
  }
  if (!["F16", "BF16", "F32", "F64"].includes(tensor.dtype)) {
    throw new InputError(
      `Expected ${
        shortened(name)
      } in ${path} to hold floating-point numbers, but found dtype ${tensor.dtype}`,
    );
  }
  const values = float32Of(tensor);
  requireFinite(values, name, path);
  return values;
}

/**
 * Checks that there is no NaN and no infinity among a tensor's values.
 *
 * @throws {InputError} naming the tensor, the file and the first such value's position
 */
export function requireFinite(values: Float32Array | Float16Array, name: string, path: string): void {
  let at = 0; // a loop, as findIndex takes 15 times as long, and files have up to 70 million values
  while (at < values.length && Number.isFinite(values[at])) at++;
  if (at < values.length) {
    throw new InputError(
      `Expected finite numbers in ${shortened(name)} of ${path}, but found ${values[at]} at position ${at}`,
    );
  }
}
