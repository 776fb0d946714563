/**
 * What commands leave behind and print: JSON files, heat maps, the table of metrics.
 *
 * @module
 */
import { dirname, join, relative, resolve } from "node:path";
import type { FloatMap, Rect } from "../data/float_map.ts";
import { files } from "../host/image_files.ts";
import { draw, longestSide, previewOf, type Shades } from "../host/image_job.ts";
import { writeFolder, writeWhole } from "../host/files.ts";
import { RangeSample } from "../report/heatmap.ts";
import { type Cell, table } from "../report/table.ts";
import { TIFF_MAPS } from "../host/tiff_maps.ts";
import type { DecisionMetrics, Metrics } from "../score/evaluate.ts";
import type { Label } from "../score/verdict.ts";

/** What `--help` says of `--maps-tiff`. */
export const TIFF_HELP =
  `write ${TIFF_MAPS}/CATEGORY/test/DEFECT/NAME.tiff in --out: float maps of the images' own ` +
  "sizes, as MVTec's evaluation scripts read them";

/** An image with its anomaly map. */
export interface MappedImage {
  path: string;
  map: FloatMap;
  /** What the map covers, pixels of the image; the whole image by default. */
  area?: Rect;
  /** The true defect, 0 or 1, as large as the map; null or none where it isn't known. */
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
 * @param S pixels a side that the model looks at
 * @param threshold above which a pixel is anomalous
 * @returns the pictures' names, in the images' order
 */
export async function writeHeatmaps(
  folder: string,
  images: readonly MappedImage[],
  S: number,
  threshold: number | null = null,
): Promise<string[]> {
  const shades = { ...rangeOf(images), threshold }, names = pictureNames(images.map(({ path }) => path));
  await writeFolder(folder, "any", async (partial) => {
    for (const [i, image] of images.entries()) {
      const picture = await drawPicture(image, S, shades);
      await writeWhole(join(partial, names[i]), (write) => write(picture));
    }
  });
  return names;
}

/** The range of colours that images share. */
export function rangeOf(images: readonly Pick<MappedImage, "map">[]): { low: number; high: number } {
  const sample = new RangeSample(images.reduce((sum, { map }) => sum + map.data.length, 0));
  for (const { map } of images) sample.add(map.data);
  return images.length > 0 ? sample.range() : { low: 0, high: 0 };
}

/**
 * A picture of an image and its map, a PNG.
 *
 * @param S pixels a side that the model looks at
 * @throws {InputError} where the image can't be read
 */
export async function drawPicture(
  { path, map, area, truth }: MappedImage,
  S: number,
  shades: Shades,
): Promise<Uint8Array> {
  const preview = previewOf(await (await files.open(path)).decode(), S, longestSide(S, map));
  return draw({ preview, map, area, truth, shades });
}

/**
 * Test images to draw: all, or 200. Mistakes are among them, half of them at most where there are others enough; both are evenly
 * spaced, the normal ones in front, and of both kinds where both are there.
 */
export function pictured<T extends { label: 0 | 1; called?: Label | null }>(
  images: readonly T[],
): readonly T[] {
  if (images.length <= MOST_PICTURES) return images;
  const sorted = images.toSorted((a, b) => a.label - b.label);
  const isMistake = ({ label, called = null }: T) =>
    called !== null && (called === "anomalous") !== (label === 1);
  const mistakes = sorted.filter(isMistake), others = sorted.filter((image) => !isMistake(image));
  const wrong = spaced(mistakes, Math.max(MOST_PICTURES / 2, MOST_PICTURES - others.length));
  return [...wrong, ...spaced(others, MOST_PICTURES - wrong.length)];
}

/** At most `count` of them, first and last among them. */
function spaced<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, i) => all[Math.round(i * (all.length - 1) / (count - 1))]);
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
