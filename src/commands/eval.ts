/**
 * `adtr eval`: metrics of a trained model on a test split.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { join } from "node:path";
import { checkImages, refuseFaults } from "../host/check_images.ts";
import { openCategory } from "../host/dataset.ts";
import { InputError } from "../errors.ts";
import { TIFF_MAPS, tiffPaths, writeTiffMaps } from "../host/tiff_maps.ts";
import { decidedAnew, evaluateCategory, evidenceOf, type MissingMasks } from "../score/evaluate.ts";
import { makeFolderForWork } from "../host/files.ts";
import { printable } from "../report/printable.ts";
import { areKept } from "../score/features.ts";
import { refuseRunsMetrics } from "./folders.ts";
import { withGpu } from "./gpu.ts";
import {
  addModel,
  addScoring,
  missingMasksOption,
  type ModelOptions,
  noMaps,
  openGivenModel,
} from "./model_options.ts";
import { ProgressDisplay } from "./progress.ts";
import { addThresholds, checkRules, decisionWith, describeDecision, type GivenRules } from "./thresholds.ts";
import { mapped, METRICS, metricsTable, TIFF_HELP, writeJson } from "./results.ts";

/** Adds the command. */
export function addEval(program: Command): void {
  const command = addModel(
    program.command("eval")
      .description("Measures how well a trained model finds the defects in a category's test images."),
  )
    .requiredOption(
      "--data <ROOT>",
      "data set in MVTec-AD's or VisA's layout, or cifar10:PATH, cifar100:PATH",
    )
    .requiredOption("--category <NAME>", "one category of it")
    .requiredOption("--out <DIR>", "folder for metrics.json")
    .addOption(missingMasksOption())
    .option("--maps-tiff", TIFF_HELP);
  addThresholds(
    addScoring(command),
    "quantile:Q of the scores of held-out normal images, f1 or fpr:X (by the labels of these images), a number, or none",
  )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  ./adtr eval --model runs/a/model.safetensors --data shapes --category bottle --out result",
    )
    .action(evaluate);
}

interface EvalOptions extends ModelOptions, GivenRules {
  data: string;
  category: string;
  out: string;
  missingMasks: MissingMasks;
  mapsTiff?: true;
  json?: true;
}

async function evaluate(options: EvalOptions): Promise<void> {
  const { data, out, json } = options;
  const began = performance.now();
  const display = new ProgressDisplay();
  const category = await openCategory(data, options.category, display.warn);
  if (category.test.length === 0) {
    throw new InputError(`Expected test images of ${category.name} in ${data}, but found none`);
  }
  if (options.mapsTiff) tiffPaths(category.test); // throws before the work
  await refuseRunsMetrics(out);
  using stack = new DisposableStack();
  const { evaluation: { metrics, decided }, decision } = await withGpu(async (gpu) => {
    using model = await openGivenModel(gpu, options, display);
    if (options.mapsTiff && !model.method.maps) throw noMaps("--maps-tiff", options.model);
    stack.use(await makeFolderForWork(out));
    const { method: { maps }, heldOut } = model, missing_masks = options.missingMasks;
    const known = { decision: model.decision, heldOut, maps, model: options.model };
    checkRules(options, known); // refused before the work
    const { errors, notes } = await checkImages({ train: [], anomalous: [], test: category.test }, {
      isKnown: (hash) => areKept(model.source, hash),
    });
    notes.forEach((note) => display.warn(printable(note)));
    refuseFaults(errors);
    const found = await evaluateCategory(model, category, {
      missing_masks,
      onProgress: display.onProgress,
      onImage: (image) =>
        options.mapsTiff && writeTiffMaps(join(out, TIFF_MAPS), category.name, mapped([image])),
    });
    const decision = decisionWith(options, { ...known, ...evidenceOf(found) });
    return { evaluation: decision === known.decision ? found : decidedAnew(found, decision), decision };
  }).finally(() => display.finish());

  const found = { [category.name]: { ...metrics, ...decided } };
  await writeJson(join(out, METRICS), found);
  if (json) return console.log(JSON.stringify(found, null, 2));
  const seconds = (performance.now() - began) / 1000;
  console.log(
    metricsTable(
      new Map([[category.name, { metrics, decided, seconds }]]),
      Deno.stdout.isTerminal() && !Deno.noColor,
    )
      .trimEnd(),
  );
  console.log(`\n${describeDecision(decision)}`);
}
