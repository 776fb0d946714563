/**
 * Where the demo's procedural data lie, and making what is missing of them.
 *
 * @module
 */
import { join } from "node:path";
import { isFolder } from "../host/folder.ts";
import { makeWithProgress } from "./data.ts";

/** Where the demo data lie. Those of other sizes than the demo's own lie beside it. */
export function demoFolder(size: number): string {
  return size === 128 ? "demo-data" : `demo-data-${size}`;
}

/** Makes what is missing of the demo data; a category's folder is there whole or not at all. */
export async function makeMissing(data: string, categories: Iterable<string>, size: number): Promise<void> {
  for (const name of categories) {
    const folder = join(data, name);
    if (await isFolder(folder)) continue;
    try {
      await makeWithProgress(data, [name], { size });
    } catch (error) {
      if (!await isFolder(folder)) throw error; // else another run has made the same meanwhile
    }
  }
}
