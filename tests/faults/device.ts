/**
 * GPUs that are lost or out of memory in the middle, signals that ask for an end, and pipes that nobody reads any more.
 *
 * @module
 */
import { equal, match } from "node:assert/strict";
import { hasGpu } from "../../src/commands/gpu.ts";
import { goesOn, kill, run, type Scene, start, undisturbed } from "./scenes.ts";
import { requireTold } from "./told.ts";
import { requireWhole } from "./whole.ts";

/** Loses the device at random moments. @returns how often that ended the work */
export async function loseDevices(folder: string, scene: Scene, times: number): Promise<number> {
  const whole = await undisturbed(folder, scene);
  const { stderr } = await run(folder, scene.begin(`${scene.name}-counted`), { counts: true });
  const submissions = Number(stderr.trimEnd().split("\n").at(-1));
  let lost = 0;
  for (let i = 0; i < times; i++) {
    const out = `${scene.name}-lost-${i}`, loseAfter = 1 + Math.floor(Math.random() * submissions);
    const ended = await run(folder, scene.begin(out), { loseAfter });
    if (ended.code !== 0) { // all that was wanted of it may have been there already
      requireTold(ended, /^error: The GPU device was lost /m);
      lost++;
    }
    await requireWhole(folder);
    await goesOn(folder, out, whole);
  }
  return lost;
}

/**
 * Runs a training with less memory than it takes, of a GPU that the CPU plays.
 *
 * @returns how often it was too little; null where memory can't be limited
 */
export async function exhaust(
  folder: string,
  scene: Scene,
  bytes: readonly number[],
): Promise<number | null> {
  if (Deno.build.os !== "linux" || await hasGpu()) return null;
  const whole = await undisturbed(folder, scene);
  let exhausted = 0;
  for (const [i, limit] of bytes.entries()) {
    const out = `${scene.name}-memory-${i}`, ended = await run(folder, scene.begin(out), { bytes: limit });
    if (ended.code !== 0) { // another machine may need less
      requireTold(ended, /^error: The GPU is out of memory: asked for /m);
      match(ended.stderr, /\nLower --[-a-z, ]+ or --[-a-z]+\.\n$/);
      exhausted++;
    }
    await requireWhole(folder);
    await goesOn(folder, out, whole);
  }
  return exhausted;
}

/** Asks for an end at random moments, by a signal. @returns how often that ended the work */
export async function interrupt(
  folder: string,
  scene: Scene,
  signal: "SIGINT" | "SIGTERM",
  times: number,
): Promise<number> {
  const whole = await undisturbed(folder, scene);
  let stopped = 0;
  for (let i = 0; i < times; i++) {
    const out = `${scene.name}-${signal}-${i}`, child = start(folder, scene.begin(out));
    const timer = setTimeout(() => kill(child, signal), whole.took * (0.3 + 0.7 * Math.random()));
    const { code, stderr: said, signal: by } = await child.output(), stderr = new TextDecoder().decode(said);
    clearTimeout(timer);
    if (by === null && code !== 0) { // before it listens, a signal ends it as any program
      equal(code, 130, stderr);
      match(stderr, /^stopping … \(Ctrl-C again ends it at once\)$/m);
      match(stderr, /\nstopped[;,] .*\n$/);
      stopped++;
    }
    await requireWhole(folder);
    await goesOn(folder, out, whole);
  }
  return stopped;
}

/** Reads nothing, or a line, of what a scene says and then closes the pipe: it ends as ever. */
export async function closePipes(folder: string, scene: Scene): Promise<number> {
  const whole = await undisturbed(folder, scene), pipes = ["stdout", "stderr"] as const;
  for (const pipe of pipes) {
    const out = `${scene.name}-${pipe}`, child = start(folder, scene.begin(out));
    const reader = child[pipe].getReader();
    await reader.read();
    await reader.cancel();
    const [{ code }] = await Promise.all([
      child.status,
      ...pipes.filter((other) => other !== pipe).map((other) => child[other].cancel()),
    ]);
    equal(code, 0);
    await requireWhole(folder);
    await goesOn(folder, out, whole);
  }
  return pipes.length;
}
