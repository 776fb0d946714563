/**
 * Folders of small pictures for tests of data sets.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { encodeGreyPng, encodePng } from "../../src/data/image.ts";
import { fill } from "../fill.ts";

/** An RGB PNG file, other pixels for every name. */
export function picture(name: string, width = 12, height = 10): Uint8Array {
  return encodePng({ width, height, data: Uint8Array.from(fill(name, 3 * width * height, 0, 256)) });
}

/** A grey PNG file, white where a defect is: the first `area` pixels. */
export function maskFile(area: number, width = 12, height = 10): Uint8Array {
  return encodeGreyPng({
    width,
    height,
    data: Uint8Array.from({ length: width * height }, (_, i) => i < area ? 255 : 0),
  });
}

/** Writes files below `root`: masks below a folder ground_truth, text where the name says so, else pictures. */
export async function writeTree(root: string, paths: string[]): Promise<void> {
  for (const path of paths) {
    const file = join(root, path);
    await Deno.mkdir(dirname(file), { recursive: true });
    const content = path.endsWith(".txt") || path.endsWith(".db")
      ? new TextEncoder().encode("text")
      : path.includes("ground_truth")
      ? maskFile(5)
      : picture(path);
    await Deno.writeFile(file, content);
  }
}
