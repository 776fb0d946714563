/**
 * All faults, one after another, at a size that takes some minutes: `deno task faults [KILLS]`, of which 60 by default.
 * Prints a line for each; ends with 1 at the first that leaves anything on disk that is not whole, or other bytes in the end.
 *
 * @module
 */
import { inFolder } from "../folder.ts";
import { closePipes, exhaust, interrupt, loseDevices } from "./device.ts";
import { fillDisks, readOnly, refuseSome } from "./disk.ts";
import { killScene } from "./kills.ts";
import { LARGE, prepare, type Scene, SCENES } from "./scenes.ts";

const MIB = 2 ** 20, kills = Number(Deno.args[0] ?? 60);

/** Tells what came of one; null where this machine can't. */
async function tell(what: string, work: () => Promise<number | null>): Promise<void> {
  const began = performance.now(), count = await work();
  const seconds = `${Math.round((performance.now() - began) / 1000)} s`;
  console.log(count === null ? `${what}: can't be had here` : `${what}: ${count}, ${seconds}`);
}

await inFolder(async (folder) => {
  await prepare(folder);
  const each = async (what: string, work: (scene: Scene) => Promise<number | null>) => {
    for (const scene of SCENES) await tell(`${scene.name}, ${what}`, () => work(scene));
  };
  await each("killed", (scene) => killScene(folder, scene, Math.ceil(kills / SCENES.length)));
  await each("disks too small", (scene) => fillDisks(folder, scene, 4));
  await each("writes refused", (scene) => refuseSome(folder, scene, 25));
  await tell("folders that take nothing", () => readOnly(folder, SCENES));
  await each("GPU devices lost", (scene) => loseDevices(folder, scene, 3));
  await tell("GPU out of memory", () => exhaust(folder, LARGE, [80, 200, 400].map((mib) => mib * MIB)));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    await each(signal, (scene) => interrupt(folder, scene, signal, 2));
  }
  await each("pipes closed", (scene) => closePipes(folder, scene));
});
