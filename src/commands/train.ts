/**
 * `adtr train`: one model a category, evaluated, with its heat maps and a page about it.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { join } from "node:path";
import type { Category } from "../data/category.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { listAnomalous, listOutliers } from "../host/anomalous.ts";
import { checkImages, refuseFaults } from "../host/check_images.ts";
import { openCategory } from "../host/dataset.ts";
import { defaultCache } from "../host/feature_cache.ts";
import { openSource } from "../host/feature_source.ts";
import { readWeightFile } from "../host/tensor_files.ts";
import { TIFF_MAPS, tiffPaths } from "../host/tiff_maps.ts";
import { describeThreshold } from "../methods/decision.ts";
import { inputOf } from "../methods/resolve.ts";
import { methodNamed } from "../methods/registry.ts";
import { printable } from "../report/printable.ts";
import { areKept, dataSizes, type FeatureSource, sizesOf } from "../score/features.ts";
import { askForLabels } from "../score/threshold.ts";
import { makeMissing } from "./demo_data.ts";
import { lockRun } from "./folders.ts";
import { hasGpu, withGpu } from "./gpu.ts";
import { Interrupt, Stopped } from "./interrupt.ts";
import { addSettings, givenSettings, methodHelp } from "./options.ts";
import { ProgressDisplay } from "./progress.ts";
import { missingMasksOption } from "./model_options.ts";
import { metricsTable, REPORT, TIFF_HELP } from "./results.ts";
import { runCategory, type RunResult, writeConfig } from "./run_category.ts";
import { type Environment, environmentOf, writeIndex } from "./run_report.ts";
import { shellWord } from "./shell_word.ts";
import {
  DEMO_CATEGORIES,
  folderOf,
  planTraining,
  refuseOverwriting,
  type TrainPlaces,
  type TrainPlan,
} from "./train_plan.ts";
import { weightsKeyOption } from "./weights_options.ts";

/** Adds the command. @param method whose settings `--help` shows */
export function addTrain(program: Command, method: string): void {
  const command = program.command("train")
    .summary("Trains and tests one model a category; without --data, on demo data.")
    .description(
      "Trains one model a category on normal images, tests it on the category's test images, and draws heat maps. " +
        "Without --data it does so on procedural demo data, which it makes first.",
    )
    .option(
      "--data <ROOT>",
      "data set in MVTec-AD's or VisA's layout, a folder of normal images, or cifar10:PATH, cifar100:PATH",
    )
    .option(
      "--category <A,B|all>",
      `which categories (default: all; of the demo's, which \`./adtr data make --help\` lists, ${DEMO_CATEGORIES})`,
    )
    .option(
      "--anomalous <DIR>",
      "with --loss px or img: anomalous images, masks beside them as STEM_mask.EXT",
    )
    .option(
      "--outliers <ROOT>",
      "with --loss img: images of other things, a folder at any depth or cifar100:PATH",
    )
    .option("--weights <FILE>", "the backbone's weights, safetensors or .pth")
    .addOption(weightsKeyOption())
    .option("--init <FILE>", "initial parameters: a model or any state dict of ADTR")
    .option("--out <RUN>", "folder for the results (default: runs/DATE_TIME)")
    .option("--resume", "go on with the run in --out as if it had never stopped")
    .option("--config <FILE>", "settings as JSON, such as the config.json of an earlier run")
    .option(
      "--preset <NAME>",
      "small, paper, quick or demo: what isn't set (default: small with --data, paper with --weights and a GPU, else demo)",
    )
    .option("--maps-tiff", TIFF_HELP)
    .addOption(missingMasksOption())
    .option("--json", "print JSON");
  addSettings(command, { method })
    .addHelpText(
      "after",
      methodHelp("train", method) + "\n\nExamples:\n  ./adtr train" +
        "\n  ./adtr train --data mvtec --category bottle --weights efficientnet_b4.pth --out runs/bottle",
    )
    .action(train);
}

async function train(options: TrainPlaces & { json?: true }): Promise<void> {
  const plan = await planTraining(givenSettings({ ...options }), options, await hasGpu());
  const display = new ProgressDisplay();
  using interrupt = new Interrupt(() => display.warn("stopping … (Ctrl-C again ends it at once)"));
  const results = await withGpu((gpu) => runAll(plan, gpu, display, interrupt.signal)).finally(() =>
    display.finish()
  );
  if (results === null) {
    const again = `./adtr train --resume --out ${shellWord(plan.out)}${plan.mapsTiff ? " --maps-tiff" : ""}${
      plan.missingMasks === "skip" ? " --missing-masks skip" : ""
    }`;
    throw new Stopped(`stopped; go on with: ${again}`);
  }

  if (options.json) {
    const categories = [...results].map((
      [name, { metrics, decided, seconds }],
    ) => [name, { ...metrics, ...decided, seconds }]);
    return console.log(
      JSON.stringify({ out: plan.out, categories: Object.fromEntries(categories) }, null, 2),
    );
  }
  console.log(metricsTable(results, Deno.stdout.isTerminal() && !Deno.noColor));
  for (const [name, { metrics }] of results) {
    if (metrics.image_auroc === null) {
      console.log(`${name}: no normal and anomalous test images to tell apart`);
    }
  }
  for (
    const [title, hasHeatmaps] of [["Reports with heat maps", true], ["Reports without heat maps", false]]
  ) {
    const names = plan.categories.filter((name) => results.get(name)!.hasHeatmaps === hasHeatmaps);
    if (names.length === 0) continue;
    console.log([`${title}:`, ...names.map((name) => `  ${join(folderOf(name, plan), REPORT)}`)].join("\n"));
  }
  if (results.size > 1) console.log(`Over all categories:\n  ${join(plan.out, REPORT)}`);
  const { weights, weightsKey } = plan;
  const model = shellWord(join(folderOf(plan.categories[0], plan), "model.safetensors"));
  const flags = [
    `--model ${model}`,
    ...(weights === undefined ? [] : [`--weights ${shellWord(weights)}`]),
    ...(weightsKey === undefined ? [] : [`--weights-key ${shellWord(weightsKey)}`]),
  ];
  console.log("Thresholds of the score above which an image is anomalous:");
  for (const [name, { decision: { image } }] of results) {
    console.log(
      `  ${name}: ${image ? `${image.value.toPrecision(6)}, ${describeThreshold(image)}` : "none"}`,
    );
  }
  console.log(
    `Score other images, serve a page that inspects them, or change the threshold:\n` +
      `  ./adtr score ${flags.join(" ")} --out scores IMAGE_OR_DIR...\n` +
      `  ./adtr serve ${flags.join(" ")}\n` +
      `  ./adtr threshold ${model} RULE`,
  );
}

/** @returns null where it was stopped */
async function runAll(
  plan: TrainPlan,
  gpu: Gpu,
  display: ProgressDisplay,
  signal: AbortSignal,
): Promise<Map<string, RunResult> | null> {
  const { settings, weights, resume } = plan, method = methodNamed(settings.method);
  const cache = defaultCache(display.warn);
  using opened = await openSource(gpu, settings, weights, {
    weights_key: plan.weightsKey,
    cache,
    onWarning: display.warn,
  });
  const { source } = opened;
  const init = plan.init && method.readInit?.(await readWeightFile(plan.init), settings, sizesOf(source));
  using _lock = await lockRun(plan.out);
  if (!resume) await refuseOverwriting(plan); // again: another run may have ended meanwhile
  if (plan.isDemo) await makeMissing(plan.data, plan.categories, settings.image_size);
  const categories: Category[] = [];
  for (const name of plan.categories) categories.push(await openCategory(plan.data, name, display.warn));
  for (const category of categories) askForLabels(settings, category); // throws before the work
  const tiffMaps = plan.mapsTiff ? join(plan.out, TIFF_MAPS) : undefined;
  if (tiffMaps) categories.forEach(({ test }) => tiffPaths(test)); // throws before the work
  const anomalous = plan.anomalous === undefined
    ? undefined
    : await listAnomalous(plan.anomalous, display.warn);
  const outliers = plan.outliers === undefined ? undefined : await listOutliers(plan.outliers, display.warn);

  if (!plan.isDemo) {
    const usesLabels = method.labels?.(settings) != null;
    const sets = categories.map((category) => ({
      ...category,
      anomalous: usesLabels && !anomalous ? category.anomalous : [],
    }));
    const others = [...anomalous ?? [], ...(outliers ?? []).map((path) => ({ path, mask: null }))];
    await checkAll(
      [...sets, { name: "others", train: [], anomalous: others, test: [] }],
      source,
      display,
      signal,
    );
  }
  if (!plan.isPresetGiven && !plan.isDemo) {
    display.warn(await announcement(plan, gpu, source, categories));
  }
  const environment = environmentOf(gpu, opened.features, opened.weightsSha256);
  // A run that is gone on with keeps its config until its checkpoint turned out to fit.
  const writeConfigs = async (): Promise<void> => {
    await writePlan(plan, plan.out, plan.categories, environment);
    for (const name of plan.categories) await writePlan(plan, folderOf(name, plan), [name], environment);
  };
  if (!resume) await writeConfigs();
  const results = new Map<string, RunResult>();
  for (const category of categories) {
    const result = await runCategory({
      source,
      category,
      data: plan.data,
      environment,
      settings,
      out: folderOf(category.name, plan),
      init,
      anomalous,
      outliers,
      resume,
      signal,
      onProgress: display.onProgress,
      onStart: resume ? writeConfigs : undefined,
      tiffMaps,
      missingMasks: plan.missingMasks,
    });
    if (result === null) return null;
    results.set(category.name, result);
  }
  if (results.size > 1) await writeIndex(plan.out, plan.data, settings, results);
  return results;
}

/** Looks at all images and masks before any training. @throws {InputError} where some can't be used, with all of them */
async function checkAll(
  sets: readonly Category[],
  source: FeatureSource,
  display: ProgressDisplay,
  signal: AbortSignal,
): Promise<void> {
  const errors: string[] = [], isKnown = (hash: string): Promise<boolean> => areKept(source, hash);
  for (const set of sets) {
    const onImage = (done: number, total: number): void =>
      display.onProgress({
        phase: "checking",
        category: set.name,
        done,
        total,
        unit: "images",
        images: done,
      });
    const found = await checkImages(set, { isKnown, onImage, signal }).catch((error) => {
      throw signal.aborted && error === signal.reason ? new Stopped("stopped; nothing was written") : error;
    });
    errors.push(...found.errors);
    for (const note of found.notes) display.warn(printable(`${set.name}: ${note}`));
  }
  refuseFaults(errors);
}

/** What is going to be done where nobody has said, how long it takes, and how to have it otherwise. */
async function announcement(
  { preset, settings }: TrainPlan,
  gpu: Gpu,
  source: FeatureSource,
  categories: readonly Category[],
): Promise<string> {
  const { image_size: S, tiles: T, method: name } = settings, method = methodNamed(name);
  let flops = 0;
  for (const { train } of method.flops ? categories : []) {
    flops += method.flops!(settings, await dataSizes(source, train, settings.components));
  }
  const looked = T > 0 ? `tiles of ${T}×${T} pixels, looked at as` : "images of";
  const trainings = 1 + Math.max(settings.folds - 1, 0); // that of a part has the images of all others
  const seconds = trainings * flops / (FLOPS_A_CORE * navigator.hardwareConcurrency);
  const long = gpu.profile.kind === "software" && seconds > 30
    ? `, about ${seconds < 90 ? "a minute" : `${Math.ceil(seconds / 60)} minutes`} of training without a GPU`
    : "";
  const other = preset === "paper"
    ? "--preset small is quicker."
    : "--preset paper takes the paper's settings, which want a GPU.";
  const better = method.flops && preset === "small"
    ? " On photographs of parts, --method patchcore did better without training (docs/photographs.md)."
    : "";
  return `Preset ${preset}: ${name} on ${
    inputOf(settings)
  }, ${looked} ${S}×${S} pixels${long}. ${other}${better}`;
}

/** What a core does of matrix products where it plays the GPU: half of what llvmpipe does on two (2026-11). */
const FLOPS_A_CORE = 15e9;

function writePlan(
  plan: TrainPlan,
  folder: string,
  names: string[],
  environment: Environment,
): Promise<void> {
  const { settings, data, anomalous, outliers, weights, weightsKey, init } = plan;
  const places = {
    data,
    category: names.join(","),
    anomalous,
    outliers,
    weights,
    weights_key: weightsKey,
    init,
  };
  return writeConfig(folder, settings, places, environment);
}
