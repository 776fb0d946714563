/**
 * The folders that commands write to: made when needed, never somebody else's, and one run at a time.
 *
 * @module
 */
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { isThere, reason } from "../host/files.ts";
import { CHECKPOINT, MODEL } from "../host/run_folder.ts";
import { TIFF_MAPS } from "../host/tiff_maps.ts";
import { LOG } from "../host/log.ts";
import { methods } from "../methods/registry.ts";

/** Heat maps take the place of earlier ones, so a folder of that name has to be one of ours. */
const HEATMAPS = "heatmaps";
/** What a run of `train` leaves behind. */
const OF_A_RUN = [
  MODEL,
  CHECKPOINT,
  LOG,
  ...methods.flatMap(({ stages = [] }) =>
    stages.flatMap((stage) => [MODEL, CHECKPOINT, LOG].map((name) => join(stage, name)))
  ),
  HEATMAPS,
  TIFF_MAPS,
];

/** @throws {InputError} where a folder for a new run holds one already, or heat maps or TIFFs */
export async function refuseRun(folder: string): Promise<void> {
  for (const name of OF_A_RUN) {
    const path = join(folder, name);
    if (await isThere(path)) {
      throw new InputError(
        `Expected --out to be a folder without a run, but found ${path}.\n` +
          "--resume goes on with it; another --out leaves it alone.",
      );
    }
  }
}

/** @throws {InputError} where a folder has heat maps that are not those of an earlier `score`, which new ones replace */
export async function refuseHeatmaps(folder: string): Promise<void> {
  const path = join(folder, HEATMAPS);
  if (await isThere(path) && !await isThere(join(folder, "scores.csv"))) {
    throw new InputError(
      `Expected --out to be a folder without other heat maps, but found ${path}.\nAnother --out leaves it alone.`,
    );
  }
}

/**
 * Holds a run's folder for this program until it is disposed of or the program ends, however that may be.
 *
 * @throws {InputError} where another program holds it
 */
export async function lockRun(folder: string): Promise<Disposable> {
  const lock = await tryLockRun(folder);
  if (lock) return lock;
  throw new InputError(
    `Expected --out to be a folder that no other run writes to, but found one at work in ${folder}`,
  );
}

/** As `lockRun`; null where another program holds the folder. */
export async function tryLockRun(folder: string): Promise<Disposable | null> {
  const path = join(folder, ".lock");
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { write: true, create: true });
    if (await file.tryLock(true)) return { [Symbol.dispose]: () => file.close() };
  } catch (error) {
    throw new InputError(`Can't lock ${path}: ${reason(error)}`);
  }
  file.close();
  return null;
}
