/**
 * The commands that faults happen to, so small that each takes a second or two, and what has to be the same in the end.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { isThere } from "../../src/host/files.ts";
import { CHECKPOINT, MODEL } from "../../src/host/run_folder.ts";
import { makeDataset } from "../../src/host/make_dataset.ts";
import { environment, TINY } from "../commands/adtr.ts";
import type { Fault } from "./child.ts";
import { filesIn, unfinishedIn } from "./whole.ts";

/** A command that writes to a folder and can be gone on with. */
export interface Scene {
  readonly name: string;
  /** Its arguments, to begin. @param out the folder */
  begin(out: string): readonly string[];
  /** The same, to go on. */
  resume(out: string): readonly string[];
  /** Whether something is there to go on with. */
  isBegun(folder: string): Promise<boolean>;
  /** Which of its files always have the same bytes. */
  isSame(path: string): boolean;
}

/** Where a process ended. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds that it took. */
  readonly took: number;
}

const DATA = ["--data", "d", "--category", "grid", "--preset", "demo"];
/** The sizes of images and features, and those of ADTR's network behind them. */
const SIZES = TINY.slice(0, 6), NETWORK = TINY.slice(6);
/** Of a run: what has neither time nor place in it. */
const OF_A_RUN = [MODEL, CHECKPOINT, "log.jsonl", "metrics.json", ".png", ".tiff", "table.json", "table.csv"];

function training(name: string, ...args: string[]): Scene {
  return {
    name,
    begin: (out) => ["train", ...DATA, ...SIZES, ...args, "--maps-tiff", "--out", out],
    resume: (out) => ["train", "--resume", "--maps-tiff", "--out", out],
    isBegun: (folder) => isThere(join(folder, "config.json")),
    isSame: (path) => OF_A_RUN.some((end) => path.endsWith(end)),
  };
}

const reproduction = ["reproduce", "mvtec", ...DATA, ...TINY, "--methods", "adtr,adtr+,kde", "--folds", "0"];
const epochs = ["--epochs", "6", "--plus-epochs", "3"];
const scoring = ["score", "--model", "model/model.safetensors", "--maps", "d/grid/test", "d/grid/train"];

const LARGE_SIZES = [
  ...["--backbone", "gabor", "--image-size", "32", "--feature-size", "16"],
  ...["--hidden", "8", "--heads", "2", "--ffn", "8192"],
];

/** All of them. */
export const SCENES: readonly Scene[] = [
  training("adtr", ...NETWORK, "--epochs", "12", "--folds", "2"),
  training("adtr+", ...NETWORK, "--loss", "px", "--base-epochs", "6", "--epochs", "6", "--folds", "0"),
  training("patchcore", "--method", "patchcore"),
  {
    ...training("reproduce"),
    begin: (out) => [...reproduction, ...epochs, "--out", out],
    resume: (out) => [...reproduction, ...epochs, "--out", out],
  },
  {
    name: "score",
    begin: (out) => [...scoring, "--out", out],
    resume: (out) => [...scoring, "--resume", "--out", out],
    isBegun: (folder) => isThere(folder),
    isSame: () => true,
  },
];

/** A training that takes some hundred MiB of the GPU's memory. */
export const LARGE: Scene = {
  ...training("large"),
  begin: (
    out,
  ) => ["train", ...DATA, ...LARGE_SIZES, "--epochs", "2", "--folds", "0", "--maps-tiff", "--out", out],
};

/** The scene of that name. */
export function sceneNamed(name: string): Scene {
  return SCENES.find((scene) => scene.name === name)!;
}

/** Makes what scenes need: the data set d, and a model. */
export async function prepare(folder: string): Promise<void> {
  await makeDataset(join(folder, "d"), {
    categories: ["grid"],
    size: 32,
    train: 5,
    testGood: 2,
    testPerDefect: 1,
  });
  const { code, stderr } = await run(folder, sceneNamed("patchcore").begin("model"));
  equal(code, 0, stderr);
}

/** Where else a process may be told to do something. */
export interface Circumstances {
  /** The folder of its caches; one in the scene's by default. */
  readonly cache?: string;
  /** Milliseconds after which it is killed, where it is still there; never by default. */
  readonly killAfter?: number;
}

/** Starts the program in a folder, with a fault. */
export function start(
  folder: string,
  args: readonly string[],
  fault: Fault = {},
  { cache }: Circumstances = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", join(import.meta.dirname!, "child.ts"), JSON.stringify(fault), ...args],
    cwd: folder,
    env: { ...environment(folder), ...cache === undefined ? {} : { XDG_CACHE_HOME: cache } },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs it. */
export async function run(
  folder: string,
  args: readonly string[],
  fault: Fault = {},
  where: Circumstances = {},
): Promise<Ended> {
  const began = performance.now(), child = start(folder, args, fault, where), { killAfter } = where;
  const timer = killAfter === undefined ? undefined : setTimeout(() => kill(child, "SIGKILL"), killAfter);
  const { code, signal, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const said = text(stderr).split("\n").filter((line) => !line.includes("XDG_RUNTIME_DIR")).join("\n");
  return { code, signal, stdout: text(stdout), stderr: said, took: performance.now() - began };
}

/** Sends a signal to a process that may have ended meanwhile. */
export function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended.
  }
}

/** The end of a run that nothing has happened to: what others have to end with. */
export interface Undisturbed {
  readonly scene: Scene;
  /** Milliseconds that it took. */
  readonly took: number;
  readonly files: Map<string, Uint8Array>;
}

const known = new Map<string, Undisturbed>();

/** Runs a scene without any fault, once in a folder. */
export async function undisturbed(folder: string, scene: Scene): Promise<Undisturbed> {
  const out = `${scene.name}-whole`, path = join(folder, out), before = known.get(path);
  if (before) return before;
  const { code, stderr, took } = await run(folder, scene.begin(out));
  equal(code, 0, stderr);
  const whole = { scene, took, files: await sameFiles(path, scene) };
  known.set(path, whole);
  return whole;
}

/** Those of a scene's files that always have the same bytes. */
export async function sameFiles(out: string, { isSame }: Scene): Promise<Map<string, Uint8Array>> {
  const files = await filesIn(out);
  return new Map([...files].filter(([path]) => isSame(path)).sort(([a], [b]) => a < b ? -1 : 1));
}

/** Goes on without any fault, and checks that everything is as if none had been. */
export async function goesOn(folder: string, out: string, whole: Undisturbed): Promise<void> {
  const path = join(folder, out), { scene } = whole;
  const args = await scene.isBegun(path) ? scene.resume(out) : scene.begin(out);
  const { code, stderr } = await run(folder, args);
  equal(code, 0, `${args.join(" ")}: ${stderr}`);
  await compare(path, whole, scene.name);
}

/** @throws {AssertionError} unless a folder is as if nothing had happened @param what what errors call it */
export async function compare(
  out: string,
  { scene, files }: Pick<Undisturbed, "scene" | "files">,
  what: string,
): Promise<void> {
  const found = await sameFiles(out, scene);
  deepEqual([...found.keys()], [...files.keys()], `${what}: other files`);
  for (const [path, bytes] of files) deepEqual(found.get(path), bytes, `${what}: other bytes in ${path}`);
  deepEqual(await unfinishedIn(out), [], `${what}: left unfinished`);
}
