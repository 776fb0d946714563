/**
 * Files that grow by whole records and can be read meanwhile. Who was killed leaves a last one torn at most: it is not read,
 * and cut off when the file is gone on with. A power failure costs those of a second.
 *
 *     text   lines, or several where quotes hold a line's end
 *     maps   width, height (u32), width · height values (f32), little-endian; again and again
 *
 * @module
 */
import type { FloatMap } from "../data/float_map.ts";
import { InputError } from "../errors.ts";
import { reason } from "./files.ts";

/** Milliseconds between waits for the disk. */
const SYNC_EVERY = 1000;

/** A file that is appended to. */
export class GrowingFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #open = true;
  #synced = performance.now();

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Opens or makes a file, and cuts it off behind `length` bytes. @throws {InputError} where the system refuses it */
  static async open(path: string, length: number): Promise<GrowingFile> {
    return await attempt(path, async () => {
      const file = await Deno.open(path, { write: true, create: true });
      await file.truncate(length);
      await file.seek(0, Deno.SeekMode.End);
      return new GrowingFile(path, file);
    });
  }

  /** Appends bytes; who reads the file finds them at once. @throws {InputError} where the disk refuses them */
  async write(bytes: Uint8Array): Promise<void> {
    await attempt(this.#path, async () => {
      for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    });
    if (performance.now() - this.#synced > SYNC_EVERY) await this.sync();
  }

  /** Waits until all of it is on the disk. @throws {InputError} where the disk refuses it */
  async sync(): Promise<void> {
    await attempt(this.#path, () => this.#file.sync());
    this.#synced = performance.now();
  }

  [Symbol.dispose](): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}

/** Something in a file, and where it ends, bytes. */
export interface Ending<T> {
  readonly value: T;
  readonly end: number;
}

const LINE_FEED = 10, QUOTE = 34;
/** Bytes of the longest record of text: in a damaged file an open quote makes one of all that follows. */
const LONGEST = 2 ** 20;

/**
 * The records of a text file, one after another, each with its line's end.
 *
 * @param quoted whether a line's end between double quotes belongs to the record, as in CSV
 * @throws {InputError} where the file can't be read, or a record has no end for a MiB
 */
export async function* textRecords(path: string, quoted: boolean): AsyncGenerator<Ending<string>> {
  using file = await attempt(path, () => Deno.open(path));
  const decoder = new TextDecoder(), chunk = new Uint8Array(2 ** 16);
  let rest = new Uint8Array(0), end = 0, isOpen = false; // between quotes
  for (let count; (count = await attempt(path, () => file.read(chunk))) !== null;) {
    const bytes = new Uint8Array(rest.length + count);
    bytes.set(rest);
    bytes.set(chunk.subarray(0, count), rest.length);
    let begin = 0;
    for (let at = rest.length; at < bytes.length; at++) {
      if (quoted && bytes[at] === QUOTE) isOpen = !isOpen;
      if (bytes[at] !== LINE_FEED || isOpen) continue;
      end += at + 1 - begin;
      yield { value: decoder.decode(bytes.subarray(begin, at + 1)), end };
      begin = at + 1;
    }
    rest = bytes.slice(begin);
    if (rest.length > LONGEST) {
      throw new InputError(
        `Expected a line of at most ${LONGEST} bytes from byte ${end} of ${path} on, but found none`,
      );
    }
  }
}

/** A map in a file. */
export interface StoredMap {
  readonly width: number;
  readonly height: number;
  /** Reads it. */
  read(): Promise<FloatMap>;
}

/** A map as such a file holds it. */
export function mapRecord({ width, height, data }: FloatMap): Uint8Array {
  const record = new Uint8Array(8 + data.byteLength);
  record.set(new Uint8Array(Uint32Array.of(width, height).buffer));
  record.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 8);
  return record;
}

/** The maps in a file, one after another; read before the next is asked for. @throws {InputError} where it can't be read */
export async function* mapRecords(path: string): AsyncGenerator<Ending<StoredMap>> {
  using file = await attempt(path, () => Deno.open(path));
  const { size: length } = await file.stat();
  const bytesAt = async (at: number, count: number): Promise<ArrayBuffer> => {
    const bytes = new Uint8Array(count);
    await file.seek(at, Deno.SeekMode.Start);
    for (let done = 0; done < count;) {
      const read = await attempt(path, () => file.read(bytes.subarray(done)));
      if (read === null) {
        throw new InputError(`Expected ${count} bytes at ${at} of ${path}, but found ${done}`);
      }
      done += read;
    }
    return bytes.buffer;
  };
  for (let at = 0; at + 8 <= length;) {
    const [width, height] = new Uint32Array(await bytesAt(at, 8)), size = width * height;
    const begin = at + 8, end = begin + 4 * size;
    if (size === 0 || end > length) return; // zeros are what some disks leave where the power failed
    const read = async () => ({ width, height, data: new Float32Array(await bytesAt(begin, 4 * size)) });
    yield { value: { width, height, read }, end };
    at = end;
  }
}

async function attempt<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw error instanceof InputError ? error : new InputError(`Can't use ${path}: ${reason(error)}`);
  }
}
