/**
 * Images that appear in folders, each told once, when it is complete. Folders are looked at again and again, rather than
 * listened to, so that nothing is missed and folders of other machines are seen too. A file is complete when its size and
 * time are the same at two looks; files that are written under another name and renamed are told as soon.
 *
 * @module
 */
import { join, relative, resolve } from "node:path";
import { byCodeUnits } from "../by_code_units.ts";
import { isPartial, reason } from "./files.ts";
import { isImageName } from "./folder.ts";
import { wait } from "./wait.ts";

/** How to watch. */
export interface WatchOptions {
  /** Milliseconds between two looks, 500 by default; more where a look itself takes long. */
  interval?: number;
  /** Milliseconds without a change after which a file that can't be read never will be, 5000 by default. */
  settle?: number;
  /** A folder that is not looked into. */
  except?: string;
  /** Told in a sentence what can't be looked at. */
  onWarning?: (message: string) => void;
}

/** A file that may be growing. */
interface Waiting {
  readonly size: number;
  readonly time: number;
  /** Since when it has been as it is. */
  readonly since: number;
}

/** Watches folders at any depth. */
export class FolderWatch {
  readonly #folders: readonly string[];
  readonly #options: Required<WatchOptions>;
  /** Paths that were told. */
  readonly #told: Set<string>;
  readonly #waiting = new Map<string, Waiting>();
  readonly #warned = new Set<string>();
  #isTakenBack = false;

  /** @param told paths not to be told again */
  constructor(
    folders: readonly string[],
    told: Iterable<string> = [],
    { interval = 500, settle = 5000, except = "", onWarning = () => {} }: WatchOptions = {},
  ) {
    this.#folders = folders;
    this.#told = new Set(told);
    this.#options = { interval, settle, except: except && resolve(except), onWarning };
  }

  /** Waits for complete images, oldest first; none where `signal` is aborted. */
  async next(signal: AbortSignal): Promise<string[]> {
    if (this.#isTakenBack) await wait(this.#options.interval, signal);
    this.#isTakenBack = false;
    while (!signal.aborted) {
      const began = performance.now(), found = await this.#look();
      if (found.length > 0) return found;
      await wait(Math.max(this.#options.interval, 5 * (performance.now() - began)), signal);
    }
    return [];
  }

  /** Takes back a file that can't be read, to be told again. @returns false where it has not changed for long enough */
  again(path: string): boolean {
    const { since = -Infinity } = this.#waiting.get(path) ?? {};
    if (performance.now() - since >= this.#options.settle) return false;
    this.#isTakenBack = true;
    return this.#told.delete(path);
  }

  async #look(): Promise<string[]> {
    const there = new Set<string>(), complete: { path: string; time: number }[] = [], now = performance.now();
    for (const folder of this.#folders) await this.#list(folder, there, []);
    for (const path of there) {
      const stat = await Deno.stat(path).catch(() => null), before = this.#waiting.get(path);
      if (!stat?.isFile) continue;
      const { size } = stat, time = stat.mtime?.getTime() ?? 0;
      if (before?.size !== size || before.time !== time) this.#waiting.set(path, { size, time, since: now });
      else if (size > 0 || now - before.since >= this.#options.settle) complete.push({ path, time });
    }
    for (const path of this.#waiting.keys()) {
      if (!there.has(path)) this.#waiting.delete(path);
    }
    complete.sort((a, b) => a.time - b.time || byCodeUnits(a.path, b.path));
    return complete.map(({ path }) => path).filter((path) => !this.#told.has(path) && this.#told.add(path));
  }

  /** @param around real paths of the folders around, which a link may lead back into */
  async #list(folder: string, there: Set<string>, around: readonly string[]): Promise<void> {
    try {
      const real = await Deno.realPath(folder);
      if (around.includes(real) || this.#isExcepted(folder)) return;
      for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
        if (name.startsWith(".") || isPartial(name)) continue;
        const path = join(folder, name);
        const isFolder = isSymlink ? (await Deno.stat(path).catch(() => null))?.isDirectory : isDirectory;
        if (isFolder) await this.#list(path, there, [...around, real]);
        else if (isImageName(name) && !this.#told.has(path)) there.add(path);
      }
      this.#warned.delete(folder);
    } catch (error) {
      if (!this.#warned.has(folder)) this.#options.onWarning(`can't look into ${folder}: ${reason(error)}`);
      this.#warned.add(folder);
    }
  }

  #isExcepted(folder: string): boolean {
    const { except } = this.#options;
    return except !== "" && relative(except, resolve(folder)) === "";
  }
}
