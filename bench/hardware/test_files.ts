/**
 * The tests of kernels and models.
 *
 * @module
 */
import { join } from "node:path";

const FOLDERS = ["gpu", "kernels", "autograd", "optim", "model"];
/** Need ONNX Runtime, which is too large to be packed, and not the GPU. */
const NOT_PACKED = /onnx_test\.ts$/;

/** Their paths: those that run from the pack, and the others. */
export async function testFiles(root: string): Promise<{ packed: string[]; others: string[] }> {
  const all = (await Promise.all(FOLDERS.map((name) => testsIn(join(root, "tests", name))))).flat();
  return {
    packed: all.filter((path) => !NOT_PACKED.test(path)),
    others: all.filter((path) => NOT_PACKED.test(path)),
  };
}

async function testsIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await testsIn(join(folder, name)));
    else if (name.endsWith("_test.ts")) found.push(join(folder, name));
  }
  return found.sort();
}

/** Whether there is a file or folder. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
