/**
 * `adtr features`: the frozen features of images, as a file.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { dirname, resolve } from "node:path";
import { defaultCache } from "../host/feature_cache.ts";
import { isFolder, listImages } from "../host/folder.ts";
import { openSource } from "../host/feature_source.ts";
import { withRoi } from "../host/roi_file.ts";
import { InputError, UsageError } from "../errors.ts";
import { transpose } from "../model/layout.ts";
import { RowsFile } from "../host/rows_file.ts";
import { extractFeatures, sizesOf } from "../score/features.ts";
import { readConfig, settingsOf } from "./config.ts";
import { withGpu } from "./gpu.ts";
import { Interrupt } from "./interrupt.ts";
import { METHOD_NAMES, methodNamed } from "../methods/registry.ts";
import { addSettings, givenSettings } from "./options.ts";
import { ProgressDisplay } from "./progress.ts";
import { givenWeights, weightsKeyOption, type WeightsOptions } from "./weights_options.ts";

/** Images whose features are in memory together. */
const SLICE = 64;
const SETTINGS = ["backbone", "levels", "precision", "image_size", "feature_size", "fit", "roi"] as const;

/** Adds the command. */
export function addFeatures(program: Command): void {
  const command = program.command("features")
    .description("Writes the frozen features of images: tensor `features` [n, C, H, W].")
    .argument("<IMAGE_OR_DIR...>", "images, or folders with images at any depth")
    .option("--weights <FILE>", "the backbone's weights, safetensors or .pth")
    .addOption(weightsKeyOption())
    .requiredOption("--out <FILE>", "safetensors file to write")
    .option("--config <FILE>", "settings as JSON")
    .option("--preset <NAME>", "small, paper, quick or demo (default: paper)");
  addSettings(command, { method: METHOD_NAMES[0], names: SETTINGS })
    .addHelpText(
      "after",
      "\nExample:\n  ./adtr features --weights efficientnet_b4.pth --out f.safetensors photos",
    )
    .action(features);
}

interface FeaturesOptions extends WeightsOptions {
  out: string;
  config?: string;
  preset?: string;
}

async function features(inputs: string[], options: FeaturesOptions): Promise<void> {
  const config = options.config === undefined ? null : await readConfig(options.config);
  const { preset = "paper" } = { ...config?.places, ...options };
  const { weights, weightsKey: weights_key } = givenWeights(options, config?.places);
  const given = [await withRoi(givenSettings({ ...options }, SETTINGS)), config?.settings ?? {}];
  const settings = settingsOf(given, preset, weights, "folder"), { feature_size, tiles } = settings;
  if (tiles > 0) {
    throw new UsageError(`Expected whole images, without tiles, but found tiles of ${tiles} pixels`);
  }
  if (methodNamed(settings.method).input === "pixels") {
    throw new UsageError(
      `Expected a method that looks at features, but found ${settings.method}, which looks at pixels`,
    );
  }
  const display = new ProgressDisplay();
  const paths = await listImages(inputs, display.warn);
  await refuseUnwritable(options.out, paths); // before the work
  using interrupt = new Interrupt(() => display.warn("stopping … (Ctrl-C again ends it at once)"));
  const { signal } = interrupt;
  const shape = await withGpu(async (gpu) => {
    using opened = await openSource(gpu, settings, weights, {
      weights_key,
      cache: defaultCache(display.warn),
    });
    const { source } = opened, { C } = sizesOf(source), N = feature_size ** 2;
    const shape = [paths.length, C, feature_size, feature_size];
    await using file = await RowsFile.begin(options.out, "features", shape, {
      images: JSON.stringify(paths),
    });
    for (let first = 0; first < paths.length; first += SLICE) {
      const report = (done: number): void =>
        display.onProgress({
          phase: "features",
          done: first + done,
          total: paths.length,
          unit: "images",
          images: first + done,
        });
      const values = await extractFeatures(source, paths.slice(first, first + SLICE), report, signal);
      for (const image of values) await file.add(transpose(image, N, C));
    }
    await file.finish();
    return shape;
  }).catch((error) => {
    throw interrupt.explained(error);
  }).finally(() => display.finish());
  console.log(`${options.out}: features [${shape.join(", ")}]`);
}

/** @throws {InputError} where a file of that path can't be written, for what can be known before */
async function refuseUnwritable(path: string, inputs: readonly string[]): Promise<void> {
  if (inputs.some((input) => resolve(input) === resolve(path))) {
    throw new InputError(`Expected --out to be none of the images, but found ${path}`);
  }
  if (await isFolder(path)) throw new InputError(`Expected --out to be a file, but found the folder ${path}`);
  const folder = dirname(path);
  if (!await isFolder(folder)) {
    throw new InputError(`Expected a folder for --out ${path}, but found no ${folder}`);
  }
}
