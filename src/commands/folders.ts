/**
 * The folders that commands write to: made when needed, never somebody else's, and one run at a time.
 *
 * @module
 */
import { basename, join, relative } from "node:path";
import { InputError } from "../errors.ts";
import { ifThere, isPartial, isThere, makeFolder, reason, removeEmpty } from "../host/files.ts";
import { textRecords } from "../host/records.ts";
import { CHECKPOINT, MODEL, PREVIOUS } from "../host/run_folder.ts";
import { TIFF_MAPS } from "../host/tiff_maps.ts";
import { LOG } from "../host/log.ts";
import { methods } from "../methods/registry.ts";
import { METRICS, pictureNames, REPORT } from "./results.ts";
import { HEATMAPS, UNFINISHED } from "./score_folder.ts";
import { FORMATS, type RowFormat } from "./score_rows.ts";

/** What a run of `train` leaves behind, but for its config, which one that failed at once leaves too. */
const OF_A_RUN = [
  MODEL,
  CHECKPOINT,
  PREVIOUS,
  LOG,
  ...methods.flatMap(({ stages = [] }) =>
    stages.flatMap((stage) => [MODEL, CHECKPOINT, PREVIOUS, LOG].map((name) => join(stage, name)))
  ),
  HEATMAPS,
  TIFF_MAPS,
  METRICS,
  REPORT,
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

/**
 * Checks that what `score` replaces in a folder is an earlier `score`'s, and none of it is what it is going to read.
 *
 * @param inputs the images to score
 * @throws {InputError} where there are other scores, other files among heat maps, or images that would be replaced
 */
export async function refuseHeatmaps(folder: string, inputs: readonly string[]): Promise<void> {
  const heatmaps = join(folder, HEATMAPS);
  const refuse = (what: string, found: string): never => {
    throw new InputError(
      `Expected --out to be a folder without ${what}, but found ${found}.\nAnother --out leaves it alone.`,
    );
  };
  let known: string[] | null = null;
  for (const format of Object.values(FORMATS)) {
    const scores = join(folder, format.file);
    if (await isThere(scores)) {
      known = [
        ...known ?? [],
        ...await picturesOf(scores, format) ?? refuse("scores of another program", scores),
      ];
    }
  }
  const drawn = [heatmaps, join(folder, UNFINISHED)];
  const inside = inputs.find((path) => drawn.some((folder) => !relative(folder, path).startsWith("..")));
  if (inside !== undefined) refuse("images to score among its heat maps, which are replaced", inside);
  if (!await isThere(heatmaps)) return;
  const names = new Set(known ?? refuse("other heat maps", heatmaps));
  for await (const { name } of Deno.readDir(heatmaps)) {
    if (!names.has(name) && !isPartial(name)) refuse("other files among its heat maps", join(heatmaps, name));
  }
}

/** Names of an earlier score's pictures; null where a table of scores is not one of its. */
async function picturesOf(scores: string, format: RowFormat): Promise<string[] | null> {
  const pictures: string[] = [], images: string[] = [];
  let isOurs = (await Deno.stat(scores)).size === 0;
  for await (const { value } of textRecords(scores, format.quoted)) {
    const row = format.row(value);
    isOurs ||= format.head === "" ? row !== null : value.startsWith("image,score");
    if (!isOurs) return null;
    if (row?.heatmap) pictures.push(basename(row.heatmap));
    if (row) images.push(row.image);
  }
  if (!isOurs) return null;
  return pictures.length > 0 ? pictures : pictureNames(images); // of earlier versions, which didn't write them down
}

/** @throws {InputError} where a folder for metrics holds a run, whose own these would replace */
export async function refuseRunsMetrics(folder: string): Promise<void> {
  for (const name of [MODEL, CHECKPOINT, PREVIOUS]) {
    const path = join(folder, name);
    if (!await isThere(path)) continue;
    throw new InputError(
      `Expected --out to be a folder without a run, whose metrics would be replaced, but found ${path}`,
    );
  }
}

/** Its name in a run's folder. */
const LOCK = ".lock";
/** Times that others may come and go while it is taken. */
const MOST_TRIES = 100;

/**
 * Makes a run's folder where it is missing, and holds it for this program until that is disposed of or the program ends,
 * however that may be. A folder in which nothing was written is left as it was found: the lock goes, and what was made.
 *
 * @throws {InputError} where another program holds it, or it can't be made
 */
export async function lockRun(folder: string): Promise<Disposable> {
  const lock = await tryLockRun(folder);
  if (lock?.isHeld) return lock;
  if (lock) throw new InputError(`Can't lock ${join(folder, LOCK)}: the file system has no locks`);
  throw new InputError(
    `Expected --out to be a folder that no other run writes to, but found one at work in ${folder}`,
  );
}

/** A run's folder held for this program. */
export interface RunLock extends Disposable {
  /** False where the file system has no locks, so that others may hold it too. */
  isHeld: boolean;
}

/** Errors of file systems without locks, as some of clusters are set up, by their codes. */
const LOCKLESS = ["ENOSYS", "ENOLCK", "ENOTSUP", "EOPNOTSUPP"];

/** As `lockRun`; null where another program holds the folder. */
export async function tryLockRun(folder: string): Promise<RunLock | null> {
  const path = join(folder, LOCK), made: string[] = [];
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    made.push(...await makeFolder(folder));
    try {
      const file = await ifThere(Deno.open(path, { write: true, create: true }));
      if (!file) continue; // another run has just gone, and the folder with it
      const isHeld = await tryLock(file);
      if (isHeld === false) {
        file.close();
        return null;
      }
      // Who held the lock may have removed it, and another run have made the next one.
      const [own, there] = [await file.stat(), await ifThere(Deno.stat(path))];
      if (own.ino === there?.ino) {
        return { isHeld: isHeld === true, [Symbol.dispose]: () => leave(folder, file, made) };
      }
      file.close();
    } catch (error) {
      throw new InputError(`Can't lock ${path}: ${reason(error)}`);
    }
  }
  throw new InputError(`Can't lock ${path}: it is removed again and again`);
}

/** Locks a file for this program. @returns false where another holds it, null where the file system has no locks */
async function tryLock(file: Deno.FsFile): Promise<boolean | null> {
  try {
    return await file.tryLock(true);
  } catch (error) {
    if (LOCKLESS.includes((error as { code?: string }).code ?? "")) return null;
    file.close();
    throw error;
  }
}

/** Gives a folder back. @param made folders that were made for it, the deepest first */
function leave(folder: string, file: Deno.FsFile, made: readonly string[]): void {
  try {
    if ([...Deno.readDirSync(folder)].some(({ name }) => name !== LOCK)) return;
    Deno.removeSync(join(folder, LOCK));
    removeEmpty(made);
  } catch {
    // What stays is in nobody's way.
  } finally {
    file.close();
  }
}
