/**
 * Whole files in and out: one that is written appears whole or not at all, and whatever the system refuses becomes
 * an error that names the file.
 *
 * @module
 */
import { InputError } from "../errors.ts";

/**
 * Reads a file.
 *
 * @throws {InputError} where it is not there, is a folder or can't be read
 */
export async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new InputError(`Can't read ${path}: ${reason(error)}`);
  }
}

/** Appends bytes to the file that is being written. */
export type Write = (bytes: Uint8Array) => Promise<void>;

/**
 * Writes a file beside its place, as `path.partial`, and renames it once `produce` is done; where anything throws, the
 * partial file is removed and what was at `path` stays.
 *
 * @param produce writes the content, piece after piece
 * @throws {InputError} where the folder is missing or not writable, or the disk is full; and whatever `produce` throws
 */
export async function writeWhole(path: string, produce: (write: Write) => Promise<void>): Promise<void> {
  const partial = `${path}.partial`;
  const attempt = <T>(step: Promise<T>): Promise<T> =>
    step.catch((error) => {
      throw new InputError(`Can't write ${path}: ${reason(error)}`);
    });
  const file = await attempt(Deno.open(partial, { write: true, create: true, truncate: true }));
  try {
    try {
      await produce(async (bytes) => {
        for (let at = 0; at < bytes.length;) at += await attempt(file.write(bytes.subarray(at)));
      });
    } finally {
      file.close();
    }
    await attempt(Deno.rename(partial, path));
  } catch (error) {
    await Deno.remove(partial).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

/** What the system says, without the error's number and the call's details, which name the partial file. */
export function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/ \(os error.*/s, "");
}

/** Whether there is something of that path. */
export async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Makes a folder and those above it. @throws {InputError} where it can't be */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new InputError(`Expected ${path} to be a folder, but found a file`);
    }
    throw new InputError(`Can't make the folder ${path}: ${reason(error).replace(/: mkdir.*/s, "")}`);
  }
}
