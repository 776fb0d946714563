/**
 * What commands leave behind and print: JSON files, heat maps, the table of metrics.
 *
 * @module
 */
import { dirname, join, relative, resolve } from "node:path";
import type { FloatMap } from "../data/float_map.ts";
import { encodePng } from "../data/image.ts";
import { loadImage } from "../data/load.ts";
import { files } from "../host/image_files.ts";
import { writeFolder, writeWhole } from "../host/files.ts";
import { heatmap, type HeatmapInput, RangeSample } from "../report/heatmap.ts";
import { type Cell, table } from "../report/table.ts";
import { TIFF_MAPS } from "../host/tiff_maps.ts";
import type { DecisionMetrics, Metrics } from "../score/evaluate.ts";

/** What `--help` says of `--maps-tiff`. */
export const TIFF_HELP =
  `write ${TIFF_MAPS}/CATEGORY/test/DEFECT/NAME.tiff in --out: float maps of the images' own ` +
  "sizes, as MVTec's evaluation scripts read them";

/** An image with its anomaly map, both S×S. */
export interface MappedImage {
  path: string;
  map: FloatMap;
  /** The true defect, 0 or 1 [S, S]; null or none where it isn't known. */
  truth?: Uint8Array | null;
}

/** Pictures that are drawn of a test split at most. */
const MOST_PICTURES = 200;

/** Images that have a map: all, or none from a method that looks at whole images only. */
export function mapped<T extends { map: unknown }>(
  images: readonly T[],
): (T & { map: NonNullable<T["map"]> })[] {
  return images.filter((image): image is T & { map: NonNullable<T["map"]> } => image.map !== null);
}

/** Writes JSON, whole or not at all. @throws {InputError} where it can't be written */
export function writeJson(path: string, value: unknown): Promise<void> {
  return writeText(path, JSON.stringify(value, null, 2) + "\n");
}

/** Writes text, whole or not at all. @throws {InputError} where it can't be written */
export function writeText(path: string, text: string): Promise<void> {
  return writeWhole(path, (write) => write(new TextEncoder().encode(text)));
}

/**
 * Writes a picture of every image and its map into a folder of their own, in place of one that is there already. The
 * folder appears whole or not at all; all pictures share one range of colours.
 *
 * @param S pixels a side
 * @returns the pictures' names, in the images' order
 */
export async function writeHeatmaps(
  folder: string,
  images: readonly MappedImage[],
  S: number,
): Promise<string[]> {
  const sample = new RangeSample(images.length * S * S);
  for (const { map } of images) sample.add(map.data);
  const range = images.length > 0 ? sample.range() : { low: 0, high: 0 };
  const names = pictureNames(images.map(({ path }) => path));
  await writeFolder(folder, "any", async (partial) => {
    for (const [i, { path, map, truth }] of images.entries()) {
      const image = { width: S, height: S, data: await loadImage(files, path, S) };
      const mask = truth ? { width: S, height: S, data: truth } : undefined;
      await writePicture(join(partial, names[i]), { image, map, mask, ...range });
    }
  });
  return names;
}

/** Writes a picture of an image and its map. @throws {InputError} where it can't be written */
export async function writePicture(file: string, input: HeatmapInput): Promise<void> {
  const picture = encodePng(heatmap(input));
  await writeWhole(file, (write) => write(picture));
}

/**
 * Test images to draw: all, or 200 that are evenly spaced, the normal ones in front of the others. Both kinds are among
 * them where both are there.
 */
export function pictured<T extends { label: 0 | 1 }>(images: readonly T[]): readonly T[] {
  if (images.length <= MOST_PICTURES) return images;
  const sorted = images.toSorted((a, b) => a.label - b.label),
    step = (images.length - 1) / (MOST_PICTURES - 1);
  return Array.from({ length: MOST_PICTURES }, (_, i) => sorted[Math.round(i * step)]); // first and last among them
}

/** Names of pictures: those of their images, with the folders below a common one in front, `_` between them. */
export class PictureNames {
  readonly #common: string;
  /** Names that are taken, and which number their last copy has. */
  readonly #taken = new Map<string, number>();

  /** @param common the folder that all images lie in */
  constructor(common: string) {
    this.#common = resolve(common);
  }

  /** A PNG's name for an image, another one at every call. */
  add(path: string): string {
    const inside = relative(this.#common, resolve(path)).replaceAll(/[\\/]/g, "_");
    let stem = inside.replace(/\.[^.]*$/, "");
    while (new TextEncoder().encode(stem).length > MOST_BYTES) stem = stem.slice(1); // the end says more
    let name = stem, copy = this.#taken.get(keyOf(stem)) ?? 1;
    while (this.#taken.has(keyOf(name))) name = `${stem}-${++copy}`;
    this.#taken.set(keyOf(name), 1);
    if (copy > 1) this.#taken.set(keyOf(stem), copy);
    return `${name}.png`;
  }
}

/** Of a picture's name; file systems have 255, and what is unfinished has a longer one. */
const MOST_BYTES = 200;

/** Some file systems don't tell capitals from small letters, or one way to write an accent from another. */
function keyOf(name: string): string {
  return name.normalize().toLowerCase();
}

/** The innermost folder that all paths lie in. */
export function commonFolder(paths: readonly string[]): string {
  const full = paths.map((path) => resolve(path));
  let common = full.length > 0 ? dirname(full[0]) : "";
  const isAbove = (path: string): boolean => !relative(common, path).startsWith("..");
  while (!full.every(isAbove) && dirname(common) !== common) common = dirname(common);
  return common;
}

/** A PNG's name for each image, different for all. */
export function pictureNames(paths: readonly string[]): string[] {
  const names = new PictureNames(commonFolder(paths));
  return paths.map((path) => names.add(path));
}

/** Name of the file that a run ends with. */
export const METRICS = "metrics.json";
/** Name of the page about a run. */
export const REPORT = "report.html";

/** A category's line in the table. */
export interface CategoryResult {
  metrics: Metrics;
  decided: DecisionMetrics;
  /** All in all. */
  seconds: number;
}

/** The table of `train` and `eval`, with a last line of means where there are several categories. */
export function metricsTable(results: ReadonlyMap<string, CategoryResult>, color: boolean): string {
  const rows = [...results].map(([name, result]): Cell[] => [name, ...cells(result)]);
  const mean = (column: number): Cell => {
    const known = rows.map((row) => row[column]).filter((cell) => typeof cell === "number");
    return known.length > 0 ? known.reduce((a, b) => a + b) / known.length : null;
  };
  const footer = rows.length > 1;
  if (footer) rows.push(["mean", ...[1, 2, 3].map(mean), "", "", Math.round(mean(6) as number)]);
  return table(
    rows,
    ["category", "image AUROC", "pixel AUROC", "AUPRO", "missed", "false alarms", "seconds"],
    {
      footer,
      color,
      digits: [0, 3, 3, 3, 0, 0, 0],
    },
  );
}

function cells({ metrics, decided: { threshold }, seconds }: CategoryResult): Cell[] {
  const { image_auroc, pixel_auroc, aupro } = metrics;
  const missed = threshold && `${threshold.fn}/${threshold.tp + threshold.fn}`;
  const alarms = threshold && `${threshold.fp}/${threshold.fp + threshold.tn}`;
  return [image_auroc, pixel_auroc, aupro, missed, alarms, Math.round(seconds)];
}
