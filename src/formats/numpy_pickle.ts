/**
 * Pickles of plain values and NumPy arrays of bytes, read without executing anything: the few functions of NumPy that
 * rebuild an array are known here by their names.
 *
 * @module
 */
import type { Fail } from "../errors.ts";
import { Allowance, type Host, unpickle } from "./pickle.ts";

const MAX_DIMENSIONS = 64; // NumPy's
const MAX_DTYPE = 16; // characters of a dtype's name

/** A NumPy array of uint8, row-major. */
export class ByteArray {
  shape: number[] = [0];
  data: Uint8Array<ArrayBuffer> = new Uint8Array(0);
}

/** A NumPy dtype. */
class Dtype {
  constructor(readonly name: string) {}
}

/**
 * Reads a pickle of protocol 2 to 5, whether Python 2 or 3 wrote it. What Python 2 calls str comes as bytes, but for the
 * keys of dicts.
 */
export function readNumpyPickle(bytes: Uint8Array<ArrayBuffer>, fail: Fail): unknown {
  return unpickle(bytes, 0, new NumpyHost(bytes.length, fail), fail).value;
}

/** Text of a str of Python 2 or 3; null for anything else. */
export function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : null;
}

class NumpyHost implements Host {
  #fail: Fail;
  #allowance: Allowance;
  #callables: Record<string, (args: unknown[]) => unknown> = {
    "_codecs.encode": (args) => this.#encode(args),
    "numpy.core.multiarray._reconstruct": () => new ByteArray(),
    "numpy._core.multiarray._reconstruct": () => new ByteArray(),
    "numpy.core.numeric._frombuffer": (args) => this.#fromBuffer(args),
    "numpy._core.numeric._frombuffer": (args) => this.#fromBuffer(args),
    "numpy.dtype": ([name]) => this.#dtype(name),
    "numpy.ndarray": () => this.#fail("an array made in an unknown way"),
  };

  /** @param bytes the pickle's size */
  constructor(bytes: number, fail: Fail) {
    this.#fail = fail;
    this.#allowance = new Allowance(bytes, fail);
  }

  global(name: string): unknown {
    return Object.hasOwn(this.#callables, name)
      ? this.#callables[name]
      : this.#fail(`a pickle that asks for ${JSON.stringify(name.slice(0, 100))}: nothing in it is executed`);
  }

  call(callable: unknown, args: unknown[]): unknown {
    return typeof callable === "function"
      ? callable(args)
      : this.#fail("a call of something that is no function");
  }

  str(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return bytes;
  }

  persistent(): never {
    return this.#fail("a reference to something outside of the pickle");
  }

  /** An array's state is (1, shape, dtype, whether column-major, bytes); that of a dtype changes nothing for uint8. */
  build(object: unknown, state: unknown): void {
    if (object instanceof Dtype) return;
    if (!(object instanceof ByteArray) || !Array.isArray(state)) {
      return this.#fail("an object that is no NumPy array");
    }
    const [, shape, dtype, columnMajor, data] = state;
    this.#fill(object, shape, dtype, Boolean(columnMajor), data);
  }

  /** An array of protocol 5: (bytes, dtype, shape, "C" or "F"). */
  #fromBuffer([data, dtype, shape, order]: unknown[]): ByteArray {
    if (order !== "C" && order !== "F") this.#fail("an array in an unknown order");
    const array = new ByteArray();
    this.#fill(array, shape, dtype, order === "F", data);
    return array;
  }

  #fill(array: ByteArray, shape: unknown, dtype: unknown, columnMajor: boolean, data: unknown): void {
    if (!(dtype instanceof Dtype) || dtype.name !== "u1") this.#fail("an array that is not of uint8");
    if (
      !Array.isArray(shape) || shape.length > MAX_DIMENSIONS ||
      !shape.every((d) => Number.isSafeInteger(d) && d >= 0) ||
      !(data instanceof Uint8Array) || data.length !== shape.reduce((a, b) => a * b, 1)
    ) {
      return this.#fail("an array whose bytes don't fit its shape");
    }
    this.#allowance.take(shape.length);
    array.shape = [...shape]; // the pickle may go on with its own
    array.data = columnMajor ? this.#rowMajor(shape, data) : data as Uint8Array<ArrayBuffer>;
  }

  #rowMajor([rows, columns, ...more]: number[], data: Uint8Array): Uint8Array<ArrayBuffer> {
    if (columns === undefined || more.length > 0) this.#fail("a column-major array that is no matrix");
    this.#allowance.take(data.length);
    const out = new Uint8Array(data.length);
    for (let r = 0, to = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) out[to++] = data[c * rows + r];
    }
    return out;
  }

  #dtype(name: unknown): Dtype {
    const known = (typeof name === "string" || name instanceof Uint8Array) && name.length <= MAX_DTYPE;
    return new Dtype(known ? textOf(name)! : "");
  }

  /** bytes, as Python 3 has to write them for Python 2: codecs.encode(text, "latin1"). */
  #encode([text, encoding]: unknown[]): Uint8Array {
    if (typeof text !== "string" || encoding !== "latin1") return this.#fail("bytes in an unknown encoding");
    this.#allowance.take(text.length);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }
}
