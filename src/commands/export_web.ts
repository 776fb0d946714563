/**
 * `adtr export web`: the inspection page with a model beside it, as files that any web server can send; images are scored by
 * the visitor's browser.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { dirname, join, resolve } from "node:path";
import { InputError } from "../errors.ts";
import { copyBundledWeights, writeBrowserBundle } from "../host/browser_bundle.ts";
import { makeFolder, readWhole, reason, writeFolder, writeWhole } from "../host/files.ts";
import { openModel } from "../host/open_model.ts";
import { convertWeights } from "../host/tensor_files.ts";
import { type BackboneName, BACKBONES } from "../model/backbones.ts";
import { namesOf } from "../serve/models.ts";
import { pageFiles, type Scoring } from "../serve/page.ts";
import { withGpu } from "./gpu.ts";
import { addModel, type ModelOptions } from "./model_options.ts";
import { shellWord } from "./shell_word.ts";
import { givenWeights } from "./weights_options.ts";

/** Adds the command to its group. */
export function addExportWeb(group: Command): void {
  addModel(
    group.command("web").description(
      "Writes the inspection page with a model beside it: images are scored in the visitor's browser, by WebGPU.",
    ),
  )
    .requiredOption("--out <DIR>", "folder to write, new or empty")
    .addHelpText(
      "after",
      "\nAny web server can send the folder, from https or localhost; nothing runs there but file transfer." +
        "\n\nExample:\n  ./adtr export web --model runs/a/model.safetensors --out site",
    )
    .action(exportWeb);
}

async function exportWeb({ model, out, ...options }: ModelOptions & { out: string }): Promise<void> {
  const { weights, weightsKey: weights_key } = givenWeights(options);
  await refuseFull(out);
  // What can't be opened here can't be there.
  const backbone = await withGpu(async (gpu) => {
    using opened = await openModel(gpu, model, { weights, weights_key });
    return opened.source.backbone ? opened.settings.backbone as BackboneName : null;
  });
  const scoring: Scoring = {
    where: "browser",
    name: namesOf([model])[0],
    model: "model.safetensors",
    weights: weights === undefined ? null : "weights/backbone.safetensors",
  };
  await makeFolder(dirname(resolve(out)));
  await writeFolder(out, "empty", async (folder) => {
    await writeBrowserBundle(folder);
    for (const [path, { bytes }] of await pageFiles(scoring)) {
      await writeWhole(join(folder, path), (write) => write(bytes));
    }
    await copyFile(model, join(folder, scoring.model));
    if (weights !== undefined) {
      await makeFolder(join(folder, "weights"));
      await convertWeights(weights, join(folder, scoring.weights!), { weights_key });
    } else if (backbone && BACKBONES[backbone].weights === "bundled") {
      await copyBundledWeights(backbone, folder);
    }
  });
  console.log(`Page: ${join(out, "index.html")}`);
  const folder = shellWord(out);
  console.log(`To see it here, on http://localhost:8000:\n  python3 -m http.server --directory ${folder}`);
}

/** @throws {InputError} where something is there that would be replaced */
async function refuseFull(out: string): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(out)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new InputError(
      `Expected --out to be a new or empty folder, but found that ${out} can't be read: ${reason(error)}`,
    );
  });
  if (names.length > 0) {
    throw new InputError(`Expected --out to be a new or empty folder, but found ${names[0].name} in ${out}`);
  }
}

async function copyFile(from: string, to: string): Promise<void> {
  const bytes = await readWhole(from);
  await writeWhole(to, (write) => write(bytes));
}
