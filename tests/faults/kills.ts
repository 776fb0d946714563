/**
 * Programs that are killed at random moments (SIGKILL) and gone on with, killed again and again: what lies on disk is whole
 * at any moment, and in the end the same as if nothing had been.
 *
 * @module
 */
import { join } from "node:path";
import { equal } from "node:assert/strict";
import { goesOn, run, type Scene, undisturbed } from "./scenes.ts";
import { requireWhole } from "./whole.ts";

/** Kills of one run at most, before it may end. */
const MOST_KILLS = 5;

/** Kills a scene so many times. @returns how often it was gone on with to the end */
export async function killScene(folder: string, scene: Scene, kills: number): Promise<number> {
  const whole = await undisturbed(folder, scene);
  let ends = 0;
  for (let killed = 0; killed < kills; ends++) {
    const out = `${scene.name}-${ends}`, path = join(folder, out);
    for (let i = 0; i < MOST_KILLS && killed < kills; i++) {
      const args = await scene.isBegun(path) ? scene.resume(out) : scene.begin(out);
      const { signal, code, stderr } = await run(folder, args, {}, { killAfter: whole.took * Math.random() });
      if (signal === null) equal(code, 0, stderr);
      else killed++;
      await requireWhole(folder);
      if (signal === null) break;
    }
    await goesOn(folder, out, whole);
  }
  return ends;
}
