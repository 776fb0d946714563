/**
 * `adtr score`: how anomalous images are, and where. Memory holds one batch of maps, however many images there are: rows and
 * maps go to unfinished files as they come. The heat maps' common range of colours is taken from evenly spaced values of all
 * maps (heatmap.ts), so the maps are read again when it is known; without --maps their file is removed in the end.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { join } from "node:path";
import { listImages } from "../host/folder.ts";
import { type CsvCell, csvLine } from "../report/csv.ts";
import { type Cell, table } from "../report/table.ts";
import { type ScoredImage, scoreImages } from "../score/score.ts";
import { RangeSample } from "../report/heatmap.ts";
import { makeFolder, removeIfThere, UnfinishedFile, writeFolder } from "../host/files.ts";
import { RowsFile } from "../host/rows_file.ts";
import { refuseHeatmaps } from "./folders.ts";
import { withGpu } from "./gpu.ts";
import { Interrupt } from "./interrupt.ts";
import { addModel, addScoring, type ModelOptions, noMaps, openGivenModel } from "./model_options.ts";
import { ProgressDisplay } from "./progress.ts";
import { drawHeatmaps } from "./results.ts";

/** Names of what is written. */
const SCORES = "scores.csv", HEATMAPS = "heatmaps", MAPS = "maps.safetensors";
/** Images that are printed; scores.csv has all. */
const PRINTED = 10;

/** Adds the command. */
export function addScore(program: Command): void {
  const command = addModel(
    program.command("score")
      .description("Scores images: scores.csv, heat maps, and with --maps the anomaly maps themselves.")
      .argument("<IMAGE_OR_DIR...>", "images, or folders with images at any depth"),
  )
    .requiredOption("--out <DIR>", "folder for the results")
    .option("--maps", "write maps.safetensors: tensor `maps` [n, S, S], in the order of scores.csv");
  addScoring(command)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nScores are raw: larger is more anomalous, and what is too large depends on the model." +
        "\n\nExample:\n  ./adtr score --model runs/a/model.safetensors --out result photos",
    )
    .action(score);
}

interface ScoreCommandOptions extends ModelOptions {
  out: string;
  maps?: true;
  json?: true;
}

async function score(inputs: string[], options: ScoreCommandOptions): Promise<void> {
  const { out, maps: keepMaps = false, json } = options;
  const paths = await listImages(inputs);
  await refuseHeatmaps(out, paths); // before the work
  const display = new ProgressDisplay();
  using interrupt = new Interrupt(() => display.warn("stopping … (Ctrl-C again ends it at once)"));
  const { signal } = interrupt;
  const rows = await withGpu(async (gpu) => {
    using model = await openGivenModel(gpu, options, display);
    const { method: { maps: hasMaps }, settings: { image_size: S } } = model;
    if (keepMaps && !hasMaps) throw noMaps("--maps", options.model);
    await makeFolder(out); // refused before the work
    const report = (done: number): void =>
      display.onProgress({ phase: "scoring", done, total: paths.length, unit: "images", images: done });
    return await writeScores(out, paths, scoreImages(model, paths, { onImage: report, signal }), {
      S,
      hasMaps,
      keepMaps,
    });
  }).catch((error) => {
    throw interrupt.explained(error);
  }).finally(() => display.finish());

  if (json) return console.log(JSON.stringify(rows, null, 2));
  const highest = rows.toSorted((a, b) => b.score - a.score).slice(0, PRINTED);
  console.log(table(highest.map(({ image, score }): Cell[] => [score, image]), ["score", "image"]).trimEnd());
  if (rows.length > PRINTED) console.log(`and ${rows.length - PRINTED} more, with lower scores`);
  console.log(`\nScores: ${join(out, SCORES)}`);
  if (rows[0].heatmap !== undefined) console.log(`Heat maps: ${join(out, HEATMAPS)}`);
}

/** What is told of an image; without `heatmap` where the method makes no maps. */
export interface ScoreRow {
  image: string;
  score: number;
  heatmap?: string;
}

/**
 * Writes results as they come: scores.csv, heat maps, maps.safetensors. Each appears whole or not at all.
 *
 * @param paths of all images, in their order
 * @param scored their results; no map is kept
 */
export async function writeScores(
  out: string,
  paths: readonly string[],
  scored: AsyncIterable<ScoredImage>,
  { S, hasMaps, keepMaps }: { S: number; hasMaps: boolean; keepMaps: boolean },
): Promise<ScoreRow[]> {
  await using csv = await UnfinishedFile.begin(join(out, SCORES));
  await using maps = hasMaps
    ? await RowsFile.begin(join(out, MAPS), "maps", [paths.length, S, S], { images: JSON.stringify(paths) })
    : null;
  const sample = new RangeSample(paths.length * S * S), rows: ScoreRow[] = [];
  const line = (cells: CsvCell[]): Promise<void> => csv.write(new TextEncoder().encode(csvLine(cells)));
  await line(["image", "score"]);
  for await (const { path, score, map } of scored) {
    await line([path, score]); // a score's digits give back the same float32
    if (map) await maps?.add(map.data);
    if (map) sample.add(map.data);
    rows.push({ image: path, score });
  }
  await csv.finish(); // first: it says whose the heat maps are
  const folder = join(out, HEATMAPS);
  if (maps) {
    const read = async (i: number) => ({ map: { width: S, height: S, data: await maps.read(i) } });
    const names = await drawHeatmaps(folder, paths, S, sample.range(), read);
    names.forEach((name, i) => rows[i].heatmap = join(folder, name));
  } else await writeFolder(folder, "any", () => Promise.resolve()); // in place of earlier ones
  if (maps && keepMaps) await maps.finish();
  else await removeIfThere(join(out, MAPS)); // an earlier call's
  return rows;
}
