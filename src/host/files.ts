/**
 * Whole files in and out: what is written appears whole or not at all, also where several programs write it at once (the
 * last to finish wins) or the power fails, and whatever the system refuses becomes an error that names the file.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { InputError } from "../errors.ts";
import { syncFile, syncFolder } from "./sync.ts";

/**
 * Reads a file.
 *
 * @throws {InputError} where it is not there, is a folder or can't be read
 */
export async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    // A system gives names that are no UTF-8 with this character, under which there is no file.
    const why = path.includes("\ufffd") ? "its name is not UTF-8" : reason(error);
    throw new InputError(`Can't read ${path}: ${why}`, { cause: error });
  }
}

/** Appends bytes to the file that is being written. */
export type Write = (bytes: Uint8Array) => Promise<void>;

/** How names end of what is not finished: the process that writes it, and 8 random digits. */
const PARTIAL = /\.\d+\.[0-9a-f]{8}\.partial$/;

/** A name beside `path` for what is to become it, another at every call and in every process. */
export function partialPath(path: string): string {
  return `${path}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.partial`;
}

/** Whether a name is one of `partialPath`'s: work in progress, or what is left of a program that was killed. */
export function isPartial(name: string): boolean {
  return PARTIAL.test(name);
}

/**
 * A file that is written beside its place (`partialPath`), and takes it when it is finished; otherwise it is removed with
 * the end of its scope (`await using`), and what was in that place stays.
 */
export class UnfinishedFile implements AsyncDisposable {
  #path: string;
  #partial: string;
  #file: Deno.FsFile;
  #open = true;

  private constructor(path: string, partial: string, file: Deno.FsFile) {
    this.#path = path;
    this.#partial = partial;
    this.#file = file;
  }

  /** Begins a file. @throws {InputError} where its folder is missing or not writable */
  static async begin(path: string): Promise<UnfinishedFile> {
    const partial = partialPath(path), options = { read: true, write: true, createNew: true };
    const file = await attempt(path, Deno.open(partial, options));
    await lock(file);
    return new UnfinishedFile(path, partial, file);
  }

  /** Appends bytes. @throws {InputError} where the disk refuses them */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await attempt(this.#path, this.#file.write(bytes.subarray(at)));
    }
  }

  /** Bytes that were written, `length` of them from `at` on. What is written afterwards goes to the end as ever. */
  async read(at: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.#file.seek(at, Deno.SeekMode.Start);
    for (let done = 0; done < length;) {
      const count = await attempt(this.#path, this.#file.read(bytes.subarray(done)));
      if (count === null) throw new RangeError(`Expected ${length} bytes at ${at}, but found ${done}`);
      done += count;
    }
    await this.#file.seek(0, Deno.SeekMode.End);
    return bytes;
  }

  /**
   * Puts the file in its place; it is on the disk then, whatever happens.
   *
   * @param before where to keep what is in its place; it is replaced without
   * @throws {InputError} where there is a folder, or the system refuses it
   */
  async finish(before?: string): Promise<void> {
    await attempt(this.#path, this.#file.sync());
    this.#close();
    if (before !== undefined) await attempt(before, ifThere(Deno.rename(this.#path, before)));
    await attempt(this.#path, Deno.rename(this.#partial, this.#path));
    await attempt(this.#path, syncFolder(dirname(this.#path)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await Deno.remove(this.#partial).catch(() => {}); // a finished one isn't there, and an error before is the one to tell
  }

  #close(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}

/**
 * Writes a file that appears whole or not at all, as an `UnfinishedFile`.
 *
 * @param produce writes the content, piece after piece
 * @param before where to keep what is in its place; it is replaced without
 * @throws {InputError} where the folder is missing or not writable, or the disk is full; and whatever `produce` throws
 */
export async function writeWhole(
  path: string,
  produce: (write: Write) => Promise<void>,
  before?: string,
): Promise<void> {
  await using file = await UnfinishedFile.begin(path);
  await produce((bytes) => file.write(bytes));
  await file.finish(before);
}

/**
 * Writes a folder that appears whole or not at all: it is filled beside its place, and takes it once `fill` is done.
 *
 * @param replaces what may be there already: an empty folder, or a folder whatever it holds
 * @throws {InputError} where it can't be written; and whatever `fill` throws
 */
export async function writeFolder(
  path: string,
  replaces: "empty" | "any",
  fill: (partial: string) => Promise<void>,
): Promise<void> {
  await removeAbandoned(path);
  const partial = partialPath(path);
  await makeFolder(partial);
  const held = Deno.build.os === "windows" ? null : await attempt(path, Deno.open(partial));
  try {
    if (held) await lock(held);
    await fill(partial);
    // Not every system renames over a folder, even an empty one.
    await Deno.remove(path, { recursive: replaces === "any" }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) {
        throw new InputError(`Can't replace ${path}: ${reason(error)}`);
      }
    });
    await moveFile(partial, path);
  } catch (error) {
    await Deno.remove(partial, { recursive: true }).catch(() => {}); // the first error is the one to tell
    throw error;
  } finally {
    held?.close();
  }
}

/** Moves a file or folder within a disk, for good. @throws {InputError} where the system refuses it */
export async function moveFile(from: string, to: string): Promise<void> {
  await attempt(to, Deno.rename(from, to));
  await attempt(to, syncFolder(dirname(to)));
}

/** Waits until a file that grows is on the disk, where there is one. @throws {InputError} where the disk refuses it */
export async function syncIfThere(path: string): Promise<void> {
  await attempt(path, ifThere(syncFile(path)));
}

async function attempt<T>(path: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new InputError(`Can't write ${path}: ${reason(error)}`);
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

/** Makes a folder and those above it. @returns those that it made, the deepest first @throws {InputError} where it can't be */
export async function makeFolder(path: string): Promise<string[]> {
  const made: string[] = [];
  for (let at = path; !await isThere(at); at = dirname(at)) made.push(at);
  try {
    await Deno.mkdir(path, { recursive: true });
    for (const folder of made) await syncFolder(dirname(folder));
    return made;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new InputError(`Expected ${path} to be a folder, but found a file`);
    }
    throw new InputError(`Can't make the folder ${path}: ${reason(error).replace(/: mkdir.*/s, "")}`);
  }
}

/**
 * Makes a folder that work is going to write to, so that it is refused before the work. What was made goes with the scope
 * (`using`) where it is empty still. @throws {InputError} as `makeFolder`
 */
export async function makeFolderForWork(path: string): Promise<Disposable> {
  const made = await makeFolder(path);
  return { [Symbol.dispose]: () => removeEmpty(made) };
}

/** Removes folders one after another, up to the first that is not empty: that and those above it are others' too. */
export function removeEmpty(folders: readonly string[]): void {
  try {
    for (const path of folders) Deno.removeSync(path);
  } catch {
    // It stays.
  }
}

/** Removes what programs that were killed left unfinished in a folder, where there is one: for who alone writes there. */
export async function removeUnfinished(folder: string): Promise<void> {
  if (!await isThere(folder)) return;
  for await (const { name } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isPartial(name)) await attempt(path, Deno.remove(path, { recursive: true }));
  }
}

/** Removes what programs that were killed left of a file or folder they wrote. What is being written stays. */
export async function removeAbandoned(path: string): Promise<void> {
  const folder = dirname(path);
  if (!await isThere(folder)) return;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isPartial(name) || name.replace(PARTIAL, "") !== basename(path)) continue;
    const partial = join(folder, name);
    try {
      using file = await Deno.open(partial, { read: true, write: !isDirectory });
      if (await file.tryLock(true)) await Deno.remove(partial, { recursive: true });
    } catch {
      // It is finished or removed meanwhile, or the system has no locks, and nobody can tell.
    }
  }
}

/** Holds a file until it is closed, as a sign that it is being written; where the system has no locks, there is none. */
async function lock(file: Deno.FsFile): Promise<void> {
  await file.lock(true).catch(() => {});
}

/** Removes a file where there is one. */
export async function removeIfThere(path: string): Promise<void> {
  await removed(path, Deno.remove(path));
}

/** Removes a folder and all that is in it, where there is one. */
export async function removeFolder(path: string): Promise<void> {
  await removed(path, Deno.remove(path, { recursive: true }));
}

async function removed(path: string, removal: Promise<void>): Promise<void> {
  try {
    await ifThere(removal);
  } catch (error) {
    throw new InputError(`Expected to remove ${path}, but found that it can't be: ${reason(error)}`);
  }
}

/** What is done to a file, or undefined where there is none: another run may have removed it. */
export async function ifThere<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
