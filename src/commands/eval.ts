/**
 * `adtr eval`: metrics of a trained model on a test split.
 *
 * @module
 */
import type { Command } from "commander";
import { join } from "node:path";
import { openCategory } from "../data/dataset.ts";
import { defaultCacheFolder } from "../data/feature_cache.ts";
import { InputError } from "../errors.ts";
import { evaluateCategory } from "../train/evaluate.ts";
import { openModel } from "../train/open_model.ts";
import { makeFolder } from "./folders.ts";
import { withGpu } from "./gpu.ts";
import { addSettings, givenSettings } from "./options.ts";
import { ProgressDisplay } from "./progress.ts";
import { metricsTable, writeJson } from "./results.ts";

const SETTINGS = ["score", "image_score"] as const;

/** Adds the command. */
export function addEval(program: Command): void {
  const command = program.command("eval")
    .description("Measures how well a trained model finds the defects in a category's test images.")
    .requiredOption("--model <FILE>", "the model, RUN/model.safetensors")
    .option("--weights <FILE>", "the weight file it was trained with, unless its backbone is built in")
    .requiredOption("--data <ROOT>", "data set in MVTec-AD layout")
    .requiredOption("--category <NAME>", "one category of it")
    .requiredOption("--out <DIR>", "folder for metrics.json");
  addSettings(command, SETTINGS, "as the model says")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  ./adtr eval --model runs/a/model.safetensors --data shapes --category bottle --out result",
    )
    .action(evaluate);
}

interface EvalOptions {
  model: string;
  weights?: string;
  data: string;
  category: string;
  out: string;
  json?: true;
}

async function evaluate(options: EvalOptions): Promise<void> {
  const { model, weights, data, out, json } = options;
  const began = performance.now();
  const category = await openCategory(data, options.category);
  if (category.test.length === 0) {
    throw new InputError(`Expected test images of ${category.name} in ${data}, but found none`);
  }
  const display = new ProgressDisplay();
  const { metrics } = await withGpu(async (gpu) => {
    const { source, detector, scoring } = await openModel(gpu, model, {
      ...givenSettings({ ...options }, SETTINGS),
      weights,
      cacheFolder: defaultCacheFolder(),
      onWarning: display.warn,
    });
    await makeFolder(out); // refused before the work
    return await evaluateCategory(source, detector, scoring, category, display.onProgress);
  }).finally(() => display.finish());

  const found = { [category.name]: metrics };
  await writeJson(join(out, "metrics.json"), found);
  if (json) return console.log(JSON.stringify(found, null, 2));
  const seconds = (performance.now() - began) / 1000;
  console.log(
    metricsTable(new Map([[category.name, { metrics, seconds }]]), Deno.stdout.isTerminal() && !Deno.noColor)
      .trimEnd(),
  );
}
