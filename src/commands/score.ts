/**
 * `adtr score`: how anomalous images are, and where.
 *
 * @module
 */
import { type Command, Option } from "npm:commander@^15.1.0";
import { join, resolve } from "node:path";
import { InputError, UsageError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { readWhole } from "../host/files.ts";
import { isFolder, listImages, type OnNote } from "../host/folder.ts";
import { printable } from "../report/printable.ts";
import { type Cell, table } from "../report/table.ts";
import type { Model } from "../score/model.ts";
import { sha256 } from "../sha256.ts";
import { lockRun, refuseHeatmaps } from "./folders.ts";
import { withGpu } from "./gpu.ts";
import { Interrupt } from "./interrupt.ts";
import { addModel, addScoring, type ModelOptions, noMaps, openGivenModel } from "./model_options.ts";
import { ProgressDisplay } from "./progress.ts";
import { HEATMAPS, type ScoreState, UNFINISHED } from "./score_folder.ts";
import { FORMATS, rowsIn, type ScoreRow, Tally } from "./score_rows.ts";
import { scoreAll, type ScoreOptions, watchFolders } from "./score_work.ts";
import { addThresholds, decisionWith, type GivenRules, ruleOfLabels } from "./thresholds.ts";
import { VERSION } from "./version.ts";

/** Adds the command. */
export function addScore(program: Command): void {
  const command = addModel(
    program.command("score")
      .description("Scores images: scores.csv, heat maps, and with --maps the anomaly maps themselves.")
      .argument(
        "<IMAGE_OR_DIR...>",
        "images, or folders with images at any depth; - reads paths from standard input",
      ),
  )
    .requiredOption("--out <DIR>", "folder for the results")
    .addOption(
      new Option(
        "--format <NAME>",
        "csv: scores.csv; jsonl: scores.jsonl, a JSON object a line, with regions as boxes",
      )
        .choices(Object.keys(FORMATS)).default("csv"),
    )
    .option("--no-heatmaps", "draw no heat maps")
    .addOption(
      new Option("--only <LABEL>", "draw and print anomalous images only; the table has all").choices([
        "anomalous",
      ]),
    )
    .option(
      "--maps",
      "write maps.safetensors: tensor `maps` [n, height, width], in the order of the table; NaN of what can't be read",
    )
    .option("--resume", "go on with what an earlier call left unfinished in --out; without any, begin")
    .option("--strict", "stop at the first image that can't be read")
    .option("--watch", "score what is in the folders and whatever appears in them, until Ctrl-C or SIGTERM")
    .option("-0, --null", "paths on standard input end with a zero byte, not with their line");
  addThresholds(addScoring(command), "a number, quantile:Q of the scores of held-out normal images, or none")
    .option("--json", "print the rows as JSON: an array; with --watch an object a line")
    .addHelpText("after", HELP)
    .action(score);
}

const HELP = `
A row has image, score (raw: larger is more anomalous), label (normal or anomalous), normalised (0 to 1, 0.5 at the
threshold), heatmap (the picture's path in --out) and error (why an image can't be read; the exit code is 1 then).

Rows go to DIR/${UNFINISHED}/ as they come, and all results to DIR when the last is there, in place of an earlier score's.
What was stopped or killed goes on with --resume: the same command, for the same model, settings and images.

Heat maps show the image, the map over it with an outline of what is above the pixel threshold, if there is one, and the map.
The threshold has the middle colour. Without one all pictures of a call share their colours, from the median to the 99.9 % quantile of all maps.

--watch writes to DIR itself, a row as soon as an image is complete: the same size and time at two looks half a second
apart. What can't be read is tried again for five seconds. A name is scored once, also after --resume.

Examples:
  ./adtr score --model runs/a/model.safetensors --out result photos
  find photos -name '*.png' -print0 | ./adtr score --model runs/a/model.safetensors --out result -0 -
  ./adtr score --model runs/a/model.safetensors --out result --only anomalous --watch --resume incoming`;

interface ScoreCommandOptions extends ModelOptions, GivenRules, ScoreOptions {
  heatmaps: boolean;
  maps?: true;
  watch?: true;
  null?: true;
  json?: true;
}

async function score(inputs: string[], options: ScoreCommandOptions): Promise<void> {
  const { out, watch = false } = options;
  const byLabels = ruleOfLabels(options);
  if (byLabels) {
    throw new UsageError(
      `Expected a number, quantile:Q or none, as score knows no labels, but found ${byLabels}`,
    );
  }
  if (watch && options.maps) throw new UsageError("Expected no --maps with --watch, which has no end");
  if (options.null && !inputs.includes("-")) {
    throw new UsageError("Expected - among the images with --null, but found none");
  }
  const display = new ProgressDisplay(), tally = new Tally(options.only);
  const paths = watch ? null : await imagesIn(inputs, options.null ? "\0" : "\n", display.warn);
  if (watch) await requireFolders(inputs, out);
  await refuseHeatmaps(out, paths ?? []); // before the work
  using interrupt = new Interrupt(() => display.warn("stopping … (Ctrl-C again ends it at once)"));
  const { signal } = interrupt;
  try {
    await withGpu(async (gpu) => {
      using model = await openForScoring(gpu, options, display);
      using _lock = await lockRun(out); // refused before the work
      const state = await stateOf(model, options, paths ?? inputs);
      const task = { model, options, display, tally, state, signal };
      await (paths
        ? scoreAll(task, paths)
        : watchFolders(task, inputs, signal, (row) => printRow(row, options)));
    });
  } catch (error) {
    if (!watch || !interrupt.is(error)) {
      const isBegun = !watch && tally.images > 0;
      const left = `${tally.images} rows are in ${
        join(out, UNFINISHED)
      }; the same command with --resume goes on`;
      if (isBegun && !interrupt.is(error)) display.warn(left);
      throw interrupt.explained(error, isBegun ? left : undefined);
    }
  } finally {
    display.finish();
  }
  await print(tally, options, paths !== null);
  if (paths && tally.unreadable > 0) {
    const names = options.json ? tally.failures().map((line) => `\n  ${line}`).join("") : "";
    throw new InputError(`${tally.unreadable} of ${tally.images} images can't be read${names}`);
  }
}

/** Opens the model, decides by the rules that were given, and refuses what it can't do. */
async function openForScoring(
  gpu: Gpu,
  options: ScoreCommandOptions,
  display: ProgressDisplay,
): Promise<Model> {
  using stack = new DisposableStack();
  const model = stack.use(await openGivenModel(gpu, options, display)), { maps } = model.method;
  if (options.maps && !maps) throw noMaps("--maps", options.model);
  const { decision, heldOut } = model;
  model.decision = decisionWith(options, { decision, heldOut, maps, model: options.model });
  if (options.only && model.decision.image === null) {
    throw new InputError(
      `Expected a model with a threshold for --only ${options.only}, but found none in ${options.model}.\n` +
        "--threshold gives one; ./adtr threshold puts one into the file.",
    );
  }
  stack.move();
  return model;
}

/** What a call has to have in common with one that it goes on with. */
async function stateOf(
  { settings, decision: { image, pixel, spread }, method }: Model,
  { model, maps, heatmaps, format, only, watch }: ScoreCommandOptions,
  images: readonly string[],
): Promise<ScoreState> {
  const drawn = heatmaps && method.maps;
  return {
    format: "adtr score 1",
    adtr: VERSION,
    model_sha256: await sha256(await readWhole(model)),
    ...settings,
    threshold: image,
    pixel_threshold: pixel,
    spread,
    ...watch
      ? { watched: images }
      : { images: images.length, images_sha256: await sha256(JSON.stringify(images)) },
    rows: format,
    maps: maps ?? false,
    heatmaps: !drawn ? "none" : pixel || watch ? "at once" : "in the end",
    only,
  };
}

/** Images that arguments name, and those that standard input does where one is `-`. */
async function imagesIn(inputs: readonly string[], end: string, onNote: OnNote): Promise<string[]> {
  const at = inputs.indexOf("-");
  if (at < 0) return await listImages(inputs, onNote);
  if (inputs.includes("-", at + 1)) throw new UsageError("Expected - once, but found it twice");
  const text = await new Response(Deno.stdin.readable).text();
  const paths = text.split(end).map((path) => end === "\n" ? path.replace(/\r$/, "") : path).filter((path) =>
    path
  );
  if (paths.length === 0) throw new InputError("Expected paths on standard input, but found none");
  const found: string[] = [];
  // What is not there, gone meanwhile maybe, is told in its row.
  for (const path of paths) {
    await isFolder(path) ? found.push(...await listImages([path], onNote)) : found.push(path);
  }
  const [before, behind] = [inputs.slice(0, at), inputs.slice(at + 1)];
  return [...await listImages(before, onNote), ...found, ...await listImages(behind, onNote)];
}

/** @throws {UsageError} where something can't be watched */
async function requireFolders(inputs: readonly string[], out: string): Promise<void> {
  for (const input of inputs) {
    if (!await isFolder(input)) throw new UsageError(`Expected folders with --watch, but found ${input}`);
    if (resolve(input) === resolve(out)) {
      throw new UsageError(`Expected --out to be another folder than the watched one, but found ${out}`);
    }
  }
}

/** Prints what there is to say in the end. */
async function print(tally: Tally, options: ScoreCommandOptions, isWhole: boolean): Promise<void> {
  const { out, json, format, only } = options, scores = join(out, FORMATS[format].file);
  if (json) {
    if (isWhole) await printRows(scores, format);
    return;
  }
  if (isWhole && tally.highest.length > 0) {
    const header = ["score", "normalised", "label", "image"], { highest } = tally;
    const rows = highest.map((row): Cell[] => [row.score, row.normalised, row.label ?? "–", row.image]);
    console.log(table(rows, header).trimEnd());
    const more = (only ? tally.labels[only] : tally.images - tally.unreadable) - highest.length;
    if (more > 0) console.log(`and ${more} more${only ? ` that are ${only}` : ""}, with lower scores`);
    console.log();
  }
  console.log(tally.counts());
  for (const line of tally.failures()) console.log(`  ${line}`);
  console.log(`\nScores: ${scores}`);
  if (options.heatmaps && tally.highest.some(({ heatmap }) => heatmap)) {
    console.log(`Heat maps: ${join(out, HEATMAPS)}`);
  }
}

/** Prints a table of rows as a JSON array, without having it in memory. */
async function printRows(path: string, format: keyof typeof FORMATS): Promise<void> {
  let count = 0;
  for await (const { row } of rowsIn(path, FORMATS[format])) {
    console.log(`${count++ === 0 ? "[" : ","}\n  ${JSON.stringify(row)}`);
  }
  console.log(count > 0 ? "]" : "[]");
}

/** Prints a row of --watch. */
function printRow(row: ScoreRow, { json, only }: ScoreCommandOptions): void {
  const { image, score, label, error } = row;
  if (json) console.log(JSON.stringify(row));
  else if (score === null) console.log(printable(`unreadable  ${error}`));
  else if (!only || label === only) console.log(printable(`${score.toFixed(3)}  ${label ?? "–"}  ${image}`));
}
