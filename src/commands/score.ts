/**
 * `adtr score`: how anomalous images are, and where.
 *
 * @module
 */
import type { Command } from "commander";
import { join } from "node:path";
import { listImages } from "../host/folder.ts";
import { writeSafetensors } from "../host/tensor_files.ts";
import { stored } from "../formats/tensor_file.ts";
import { csvLine } from "../report/csv.ts";
import { type Cell, table } from "../report/table.ts";
import { type ScoredImage, scoreImages } from "../score/score.ts";
import { makeFolder } from "../host/files.ts";
import { refuseHeatmaps } from "./folders.ts";
import { withGpu } from "./gpu.ts";
import { addModel, addScoring, type ModelOptions, noMaps, openGivenModel } from "./model_options.ts";
import { ProgressDisplay } from "./progress.ts";
import { mapped, type MappedImage, writeHeatmaps, writeText } from "./results.ts";

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
  const { out, maps, json } = options;
  const paths = await listImages(inputs);
  await refuseHeatmaps(out); // before the work
  const display = new ProgressDisplay();
  const { images, S } = await withGpu(async (gpu) => {
    using model = await openGivenModel(gpu, options, display);
    if (maps && !model.method.maps) throw noMaps("--maps", options.model);
    await makeFolder(out); // refused before the work
    const report = (done: number): void =>
      display.onProgress({ phase: "scoring", done, total: paths.length, unit: "images", images: done });
    const images: ScoredImage[] = await Array.fromAsync(scoreImages(model, paths, report));
    return { images, S: model.settings.image_size };
  }).finally(() => display.finish());

  await writeText(join(out, "scores.csv"), csv(images)); // first: it says whose the heat maps are
  const pictures = await writeHeatmaps(join(out, "heatmaps"), mapped(images), S);
  if (maps) await writeMaps(join(out, "maps.safetensors"), mapped(images), S);

  const rows = images.map(({ path, score }, i) => ({
    image: path,
    score,
    heatmap: pictures[i] && join(out, "heatmaps", pictures[i]),
  }));
  if (json) return console.log(JSON.stringify(rows, null, 2));
  const highest = rows.toSorted((a, b) => b.score - a.score).slice(0, PRINTED);
  console.log(table(highest.map(({ image, score }): Cell[] => [score, image]), ["score", "image"]).trimEnd());
  if (rows.length > PRINTED) console.log(`and ${rows.length - PRINTED} more, with lower scores`);
  console.log(`\nScores: ${join(out, "scores.csv")}`);
  if (pictures.length > 0) console.log(`Heat maps: ${join(out, "heatmaps")}`);
}

async function writeMaps(path: string, images: readonly MappedImage[], S: number): Promise<void> {
  const values = new Float32Array(images.length * S * S);
  images.forEach(({ map }, i) => values.set(map, i * S * S));
  await writeSafetensors(path, new Map([["maps", stored(values, [images.length, S, S])]]), {
    images: JSON.stringify(images.map((image) => image.path)),
  });
}

/** Scores as CSV. A score's digits give back the same float32. */
export function csv(images: readonly { path: string; score: number }[]): string {
  return [["image", "score"], ...images.map(({ path, score }) => [path, score])].map(csvLine).join("");
}
