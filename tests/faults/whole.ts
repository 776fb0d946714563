/**
 * Whether what lies in a folder is whole, whatever has happened: each file is what its name says, but for those that are
 * known to be unfinished. Files that grow may have a last record that is torn.
 *
 * @module
 */
import { basename, join } from "node:path";
import { decodeImage } from "../../src/data/image.ts";
import { isPartial } from "../../src/host/files.ts";
import { parseSafetensors } from "../../src/formats/safetensors.ts";
import { parseCheckpoint } from "../../src/train/checkpoint.ts";

/** Files by their paths in a folder, without what is unfinished, and locks. */
export async function filesIn(folder: string, below = ""): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const { name, isDirectory } of Deno.readDir(join(folder, below))) {
    const path = join(below, name);
    if (isPartial(name) || name === ".lock") continue;
    if (!isDirectory) found.set(path, await Deno.readFile(join(folder, path)));
    else for (const [path, bytes] of await filesIn(folder, join(below, name))) found.set(path, bytes);
  }
  return found;
}

/** Names of what programs left unfinished in a folder, at any depth. */
export async function unfinishedIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isPartial(name)) found.push(join(folder, name));
    else if (isDirectory) found.push(...await unfinishedIn(join(folder, name)));
  }
  return found;
}

/** @throws {Error} naming the first file that is not whole */
export async function requireWhole(folder: string): Promise<void> {
  for (const [path, bytes] of await filesIn(folder)) {
    try {
      await requireOne(basename(path), bytes);
    } catch (error) {
      throw new Error(
        `${join(folder, path)}, ${bytes.length} bytes, is not whole: ${(error as Error).message}`,
      );
    }
  }
}

async function requireOne(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const text = () => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  if (name.startsWith("checkpoint.")) await parseCheckpoint(bytes, name);
  else if (name.endsWith(".safetensors")) parseSafetensors(bytes, name);
  else if (name.endsWith(".json")) JSON.parse(text());
  else if (name.endsWith(".png")) await decodeImage(bytes, name);
  else if (name.endsWith(".html") && !text().trimEnd().endsWith("</html>")) throw new Error("it is cut off");
  else if (name.endsWith(".jsonl")) { for (const line of text().split("\n").slice(0, -1)) JSON.parse(line); }
  else if (name.endsWith(".features")) await requireHash(bytes);
}

/** An entry of the feature cache: a SHA-256, and what it is of. */
async function requireHash(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.subarray(32)));
  if (bytes.length < 64 || hash.some((byte, i) => byte !== bytes[i])) {
    throw new Error("its hash is another one");
  }
}
