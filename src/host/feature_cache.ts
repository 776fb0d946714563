/**
 * Frozen features on disk, one file an image, so that a second run needs no backbone. An entry's name and content are
 * tied by hashes to its key, which has the image's hash, the sizes and the backbone's weights: what is stale, cut off or
 * damaged is not found, and made anew. A cache that can't be written costs time only: it says so once and is then left alone.
 *
 * Entries are not waited for to be on the disk, as all other files are: what a power failure takes is as good as damaged.
 * The wait is 1.5 to 3 ms an entry of 80 to 740 KB (2026-11-30, an SSD behind a virtual disk): 1 % of an extraction where a
 * CPU plays the GPU, but a third of one and more at 200 images a second.
 *
 *     FOLDER/ab/cdef….features    SHA-256 (32 bytes) of all that follows,
 *                                 the key's SHA-256 (32 bytes), f32 little-endian
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { FeatureStore } from "../score/features.ts";
import { ifThere, isThere, partialPath, reason } from "./files.ts";

const HASH_BYTES = 32;
const ENTRY = /^[0-9a-f]{62}\.features(\.\d+(\.[0-9a-f]{8})?\.partial)?$/, SHELF = /^[0-9a-f]{2}$/;

/** How to keep features. */
export interface FeatureCacheOptions {
  /** Above this the entries that were not used for longest are deleted; 8 GiB by default. */
  maxBytes?: number;
  /** Told once each, in a sentence, that the cache can't be read or written, and that entries are damaged. */
  onWarning?: (message: string) => void;
}

/** Features in a folder. */
export class FeatureCache implements FeatureStore {
  readonly #folder: string;
  readonly #options: Required<FeatureCacheOptions>;
  #warned = false;
  #isDamaged = false;
  /** Bytes in the folder, known from the first `put` on. */
  #total: number | null = null;

  /** The cache in a folder. @param folder made when needed */
  constructor(folder: string, { maxBytes = 8 * 2 ** 30, onWarning = () => {} }: FeatureCacheOptions = {}) {
    this.#folder = folder;
    this.#options = { maxBytes, onWarning };
  }

  /** The features under a key; null where there is no sound entry. */
  async get(key: string): Promise<Float32Array<ArrayBuffer> | null> {
    const hash = sha256(key);
    let file: Uint8Array<ArrayBuffer>;
    try {
      file = await Deno.readFile(this.#path(hash));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) this.#warn("read", error);
      return null;
    }
    if (!isSound(file, hash)) {
      if (!this.#isDamaged) {
        this.#options.onWarning(`${this.#path(hash)} is damaged: it is made anew, and others that are`);
      }
      this.#isDamaged = true;
      return null;
    }
    const now = new Date();
    await Deno.utime(this.#path(hash), now, now).catch(() => {}); // for the order of deletion only
    return new Float32Array(file.buffer, 2 * HASH_BYTES);
  }

  /** Whether there is an entry under a key, sound or not. */
  async has(key: string): Promise<boolean> {
    return await isThere(this.#path(sha256(key)));
  }

  /** Keeps features under a key. Never throws for what the disk refuses. */
  async put(key: string, values: Float32Array): Promise<void> {
    if (this.#warned) return;
    const { maxBytes } = this.#options, folder = this.#folder;
    const hash = sha256(key), path = this.#path(hash);
    const file = new Uint8Array(2 * HASH_BYTES + 4 * values.length);
    file.set(hash, HASH_BYTES);
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 2 * HASH_BYTES);
    file.set(sha256(file.subarray(HASH_BYTES)));
    const partial = partialPath(path);
    try {
      this.#total ??= (await listEntries(folder)).reduce((sum, entry) => sum + entry.bytes, 0);
      await Deno.mkdir(join(path, ".."), { recursive: true });
      await Deno.writeFile(partial, file);
      await Deno.rename(partial, path);
      this.#total += file.length;
      if (this.#total > maxBytes) this.#total = await evict(folder, maxBytes);
    } catch (error) {
      await Deno.remove(partial).catch(() => {}); // most likely it is not there
      this.#warn("written", error);
    }
  }

  #path(hash: Buffer): string {
    const name = hash.toString("hex");
    return join(this.#folder, name.slice(0, 2), `${name.slice(2)}.features`);
  }

  #warn(what: string, error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#options.onWarning(
      `The feature cache ${this.#folder} can't be ${what}, going on without: ${reason(error)}`,
    );
  }
}

/** Whether an entry is what was kept under a key of that hash. */
function isSound(file: Uint8Array, key: Buffer): boolean {
  return file.length >= 2 * HASH_BYTES && file.length % 4 === 0 &&
    sha256(file.subarray(HASH_BYTES)).equals(file.subarray(0, HASH_BYTES)) &&
    key.equals(file.subarray(HASH_BYTES, 2 * HASH_BYTES));
}

/** The cache where it lies unless told otherwise; null where the environment names no such place. */
export function defaultCache(onWarning: (message: string) => void): FeatureCache | null {
  const folder = defaultCacheFolder();
  return folder === null ? null : new FeatureCache(folder, { onWarning });
}

/**
 * Where the cache lies unless told otherwise: `$XDG_CACHE_HOME/adtr` or `~/.cache/adtr`, on Windows
 * `%LOCALAPPDATA%\adtr`; null where the environment names no such place.
 */
export function defaultCacheFolder(
  os: string = Deno.build.os,
  variable: (name: string) => string | undefined = Deno.env.get,
): string | null {
  if (os === "windows") return folderIn(variable("LOCALAPPDATA"));
  return folderIn(variable("XDG_CACHE_HOME")) ?? folderIn(variable("HOME"), ".cache");
}

function folderIn(base: string | undefined, ...parts: string[]): string | null {
  return base ? join(base, ...parts, "adtr") : null;
}

function sha256(bytes: Uint8Array | string): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** A file of the cache. */
interface Entry {
  path: string;
  bytes: number;
  /** Milliseconds since 1970. */
  used: number;
}

/** All files of a cache's folder, also unfinished ones; nothing else that lies there. */
async function listEntries(folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const shelf of await namesIn(folder, SHELF)) {
    for (const name of await namesIn(join(folder, shelf), ENTRY)) {
      const path = join(folder, shelf, name);
      const info = await ifThere(Deno.stat(path));
      if (info) entries.push({ path, bytes: info.size, used: info.mtime?.getTime() ?? 0 });
    }
  }
  return entries;
}

async function namesIn(folder: string, pattern: RegExp): Promise<string[]> {
  const names = await ifThere(Array.fromAsync(Deno.readDir(folder), ({ name }) => name));
  return names?.filter((name) => pattern.test(name)) ?? [];
}

/** Deletes what was not used for longest, down to nine tenths of the bound. @returns the bytes that are left */
async function evict(folder: string, maxBytes: number): Promise<number> {
  const entries = (await listEntries(folder)).sort((a, b) => a.used - b.used);
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path, bytes } of entries) {
    if (total <= 0.9 * maxBytes) break;
    await ifThere(Deno.remove(path));
    total -= bytes;
  }
  return total;
}
