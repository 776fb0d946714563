/**
 * Where the demo's procedural data lie, and making what is missing of them.
 *
 * @module
 */
import { join } from "node:path";
import { Claims } from "../host/claims.ts";
import { removeEmpty } from "../host/files.ts";
import { isFolder } from "../host/folder.ts";
import { makeWithProgress } from "./data.ts";
import { tryLockRun } from "./folders.ts";

/** Where the demo data lie. Those of other sizes than the demo's own lie beside it. */
export function demoFolder(size: number): string {
  return size === 128 ? "demo-data" : `demo-data-${size}`;
}

/** Between looks whether another run has made a category, milliseconds. */
const LOOK = 500;

/**
 * Makes what is missing of the demo data. A category's folder is there whole or not at all; of several runs the first to
 * come makes it, and others wait for it.
 */
export async function makeMissing(data: string, categories: Iterable<string>, size: number): Promise<void> {
  const claims = new Claims();
  for (const name of categories) {
    const folder = join(data, name), work = join(data, `.${name}`);
    while (!await isFolder(folder)) {
      using lock = await tryLockRun(work);
      using claim = lock && await claims.take(work, lock.isHeld);
      if (claim === null) {
        await new Promise((resolve) => setTimeout(resolve, LOOK));
        continue;
      }
      if (!await isFolder(folder)) await makeWithProgress(data, [name], { size });
      await claim.finish();
    }
    removeEmpty([work]); // who waits may have made it again
  }
}
