/**
 * Trainings in folders: made, stopped at some step, gone on with, and what they leave.
 *
 * @module
 */
import { join } from "node:path";
import { isPartial } from "../../src/host/files.ts";
import type { Category } from "../../src/data/category.ts";
import { isThere } from "../../src/host/files.ts";
import { PREVIOUS, RunFolder } from "../../src/host/run_folder.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { learn } from "../../src/train/learn.ts";
import type { LearnOptions } from "../../src/train/learning.ts";
import { gpu } from "../gpu.ts";
import { tinySource } from "./tiny.ts";

/** What else a training is told. */
export type Options = Partial<LearnOptions> & { resume?: boolean; onWarning?: (message: string) => void };

const own = tinySource(gpu);

/** Trains in a new or given folder. @returns the steps that its checkpoint has done, and whether that is all */
export async function train<S extends object>(
  category: Category,
  out: string,
  settings: Settings<S>,
  { resume = false, onWarning, ...options }: Options = {},
): Promise<[steps: number, finished: boolean]> {
  await Deno.mkdir(out, { recursive: true });
  const journal = new RunFolder(out, resume, onWarning);
  const model = await learn({ source: own, category, settings: settings as Settings, journal, ...options });
  model?.fitted[Symbol.dispose]();
  return [await stepsIn(out), model !== null];
}

/** Trains until so many steps of a phase are done, then aborts. */
export function trainUntil<S extends object>(
  [phase, steps]: readonly [phase: string, steps: number],
  category: Category,
  out: string,
  settings: Settings<S>,
  options: Options = {},
): ReturnType<typeof train> {
  const controller = new AbortController();
  const onProgress: LearnOptions["onProgress"] = (event) => {
    if (event.phase === phase && event.done >= steps) controller.abort();
  };
  return train(category, out, settings, { ...options, signal: controller.signal, onProgress });
}

async function stepsIn(out: string): Promise<number> {
  const path = join(out, "checkpoint.safetensors");
  return await isThere(path) ? Number((await readSafetensors(path)).metadata.steps) : 0;
}

/** The bytes of all files in a folder, by their paths in it. */
export async function bytesIn(out: string, below = ""): Promise<Record<string, Uint8Array>> {
  const found: Record<string, Uint8Array> = {};
  for await (const { name, isDirectory } of Deno.readDir(join(out, below))) {
    if (isPartial(name) || name === PREVIOUS) continue; // as the moments come when it was written or killed
    const path = join(below, name);
    if (isDirectory) Object.assign(found, await bytesIn(out, path));
    else found[path] = await Deno.readFile(join(out, path));
  }
  return found;
}
