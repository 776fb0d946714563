/**
 * A safetensors file of one float32 tensor [n, …], written row after row, so that memory need not hold it. It appears whole
 * or not at all, and can be read while it is written.
 *
 *     header, with the whole shape; n rows, little-endian
 *
 * @module
 */
import { safetensorsHeader } from "../formats/safetensors.ts";
import { stored } from "../formats/tensor_file.ts";
import { removeAbandoned, UnfinishedFile } from "./files.ts";

/** Such a file; what is not finished goes with its scope (`await using`). */
export class RowsFile implements AsyncDisposable {
  readonly #file: UnfinishedFile;
  readonly #begin: number;
  readonly #shape: readonly number[];
  #rows = 0;

  private constructor(file: UnfinishedFile, begin: number, shape: readonly number[]) {
    this.#file = file;
    this.#begin = begin;
    this.#shape = shape;
  }

  /**
   * Begins a file.
   *
   * @param name the tensor's
   * @param shape of the whole tensor
   * @throws {InputError} where its folder is missing or not writable
   */
  static async begin(
    path: string,
    name: string,
    shape: readonly number[],
    metadata: Record<string, string>,
  ): Promise<RowsFile> {
    const header = safetensorsHeader(new Map([[name, { dtype: "F32", shape }]]), metadata);
    await removeAbandoned(path);
    const file = await UnfinishedFile.begin(path);
    try {
      await file.write(header);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
    return new RowsFile(file, header.length, shape);
  }

  /** Appends the next row. @throws {InputError} where the disk refuses it */
  async add(row: Float32Array<ArrayBuffer>): Promise<void> {
    await this.#file.write(stored(row, this.#shape.slice(1)).bytes);
    this.#rows++;
  }

  /** A row that was added. */
  async read(row: number): Promise<Float32Array<ArrayBuffer>> {
    const bytes = this.#shape.slice(1).reduce((a, b) => a * b, 4);
    return new Float32Array((await this.#file.read(this.#begin + row * bytes, bytes)).buffer);
  }

  /** Puts the file in its place. @throws {InputError} where the system refuses it */
  async finish(): Promise<void> {
    if (this.#rows !== this.#shape[0]) {
      throw new RangeError(`Expected ${this.#shape[0]} rows, but found ${this.#rows}`);
    }
    await this.#file.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}
