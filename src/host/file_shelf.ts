/**
 * A shelf in a file of a folder, which is gone with the program, however that ends: where the system lets an open file be
 * removed it has no name from the first moment on, elsewhere one that says that it is unfinished (files.ts).
 *
 * Reading and writing wait for the disk, as what is read is asked for as any other value.
 *
 * @module
 */
import { join } from "node:path";
import { InputError } from "../errors.ts";
import type { Shelf } from "../score/kept.ts";
import { partialPath, reason } from "./files.ts";

/** Such a shelf. */
export class FileShelf implements Shelf {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #hasName = Deno.build.os === "windows";
  #end = 0;

  /** A new one. @param folder where its file is, which must be there @throws {InputError} where it can't be written to */
  constructor(folder: string) {
    this.#path = partialPath(join(folder, "features"));
    this.#file = this.#attempt(() => Deno.openSync(this.#path, { read: true, write: true, createNew: true }));
    if (!this.#hasName) this.#attempt(() => Deno.removeSync(this.#path));
  }

  add(bytes: Uint8Array<ArrayBuffer>): number {
    const at = this.#end;
    this.#attempt(() => {
      this.#file.seekSync(at, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    });
    this.#end += bytes.length;
    return at;
  }

  read(at: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.#attempt(() => {
      this.#file.seekSync(at, Deno.SeekMode.Start);
      for (let done = 0; done < length;) {
        const count = this.#file.readSync(bytes.subarray(done));
        if (count === null) throw new RangeError(`Expected ${length} bytes at ${at}, but found ${done}`);
        done += count;
      }
    });
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#hasName) this.#attempt(() => Deno.removeSync(this.#path));
  }

  #attempt<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      if (error instanceof RangeError) throw error;
      throw new InputError(
        `Can't use ${this.#path}, for features that memory has no room for: ${reason(error)}`,
      );
    }
  }
}
