/**
 * `adtr threshold`: what a model file calls anomalous, told or changed without training. A file that is changed is written
 * whole; all but `decision` in its metadata stays byte for byte.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { SettingError, UsageError } from "../errors.ts";
import { parseSafetensors } from "../formats/safetensors.ts";
import { openCategory } from "../host/dataset.ts";
import { readWhole } from "../host/files.ts";
import { writeSafetensors } from "../host/tensor_files.ts";
import { parseModel } from "../methods/model_file.ts";
import { evaluateCategory, evidenceOf, type MissingMasks } from "../score/evaluate.ts";
import type { Evidence } from "../score/threshold.ts";
import { withGpu } from "./gpu.ts";
import { missingMasksOption, openGivenModel } from "./model_options.ts";
import { ProgressDisplay } from "./progress.ts";
import { weightsKeyOption, type WeightsOptions } from "./weights_options.ts";
import {
  checkRules,
  decisionWith,
  describeDecision,
  type GivenRules,
  parseRule,
  ruleOfLabels,
} from "./thresholds.ts";

/** How this command spells rules. */
const FLAGS = { threshold: "RULE", pixelThreshold: "--pixel" };

/** Adds the command. */
export function addThreshold(program: Command): void {
  program.command("threshold")
    .description(
      "Shows above which scores a model calls images and pixels anomalous, or changes that in its file.",
    )
    .argument("<MODEL>", "the model, RUN/model.safetensors")
    .argument(
      "[RULE]",
      "for images: quantile:Q of the scores of held-out normal images, f1 or fpr:X (best F1, or a false-positive rate " +
        "of X, by the labels of test images), a number, or none",
      (text) => parseRule(text, FLAGS.threshold),
    )
    .option("--pixel <RULE>", "for pixels of maps, likewise", (text) => parseRule(text, FLAGS.pixelThreshold))
    .option("--data <ROOT>", "for f1 and fpr:X: data set with labelled test images")
    .option("--category <NAME>", "one category of it")
    .option(
      "--weights <FILE>",
      "for f1 and fpr:X: the weight file it was trained with, unless its backbone is built in",
    )
    .addOption(weightsKeyOption())
    .addOption(missingMasksOption())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  ./adtr threshold runs/a/model.safetensors\n" +
        "  ./adtr threshold runs/a/model.safetensors quantile:0.999\n" +
        "  ./adtr threshold runs/a/model.safetensors fpr:0.01 --pixel f1 --data photos --category nut",
    )
    .action(threshold);
}

interface ThresholdOptions extends WeightsOptions {
  pixel?: string | number;
  data?: string;
  category?: string;
  missingMasks: MissingMasks;
  json?: true;
}

async function threshold(
  model: string,
  rule: string | number | undefined,
  options: ThresholdOptions,
): Promise<void> {
  const rules: GivenRules = { threshold: rule, pixelThreshold: options.pixel };
  const byLabels = ruleOfLabels(rules, FLAGS);
  const { data, category } = options, isData = data !== undefined && category !== undefined;
  if (byLabels && !isData) {
    const missing = data !== undefined ? "no --category" : category !== undefined ? "no --data" : "neither";
    throw new UsageError(
      `Expected --data and --category with ${byLabels}, which goes by labels, but found ${missing}`,
    );
  }
  if (!byLabels && (data ?? category ?? options.weights) !== undefined) {
    throw new UsageError("Expected a rule f1 or fpr:X with --data, --category or --weights, but found none");
  }
  const bytes = await readWhole(model), file = parseModel(bytes, model), { maps } = file.method;
  const known = { decision: file.decision, heldOut: file.heldOut, maps, model };
  checkRules(rules, known, FLAGS); // refused before the work
  const evidence = isData ? await labelled(model, data, category, options) : {};
  const decision = decisionWith(rules, { ...known, ...evidence }, FLAGS);
  if (decision !== file.decision) {
    const { tensors, metadata } = parseSafetensors(bytes, model);
    const path = await Deno.realPath(model); // where it is a link, that stays
    await writeSafetensors(path, tensors, { ...metadata, decision: JSON.stringify(decision) });
  }
  if (options.json) return console.log(JSON.stringify(decision, null, 2));
  console.log(describeDecision(decision));
}

/** What the test images of a category say. */
async function labelled(
  model: string,
  data: string,
  name: string,
  { weights, weightsKey, missingMasks: missing_masks }: ThresholdOptions,
): Promise<Pick<Evidence, "images" | "pixels">> {
  const category = await openCategory(data, name);
  if (category.test.length === 0) {
    throw new SettingError(`Expected test images of ${name} in ${data}, but found none`, "data");
  }
  const display = new ProgressDisplay();
  return await withGpu(async (gpu) => {
    using opened = await openGivenModel(gpu, { model, weights, weightsKey }, display);
    const { onProgress } = display;
    return evidenceOf(await evaluateCategory(opened, category, { missing_masks, onProgress }));
  }).finally(() => display.finish());
}
