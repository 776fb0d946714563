/**
 * Twelve optimizer steps of ADTR+ on labelled anomalies, beside PyTorch doing the same: golden/plus.py.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { gaborBackbone } from "../../src/model/gabor.ts";
import { readSafetensors, writeSafetensors } from "../../src/host/tensor_files.ts";
import { float32Of, stored } from "../../src/formats/tensor_file.ts";
import { readLog } from "../../src/host/log.ts";
import type { AdtrSettings } from "../../src/methods/adtr/settings.ts";
import { parametersIn } from "../../src/methods/adtr/state.ts";
import { files } from "../../src/host/image_files.ts";
import type { LogEntry } from "../../src/train/journal.ts";
import { adtr } from "../commands/adtr.ts";
import { inFolder } from "../folder.ts";
import { filledAdtr } from "../golden/adtr_fill.ts";
import golden from "../golden/plus.json" with { type: "json" };
import { gpu } from "../gpu.ts";
import { relativeL2 } from "../reference/backbone.ts";
import { labelledCategory } from "./labelled.ts";
import { train } from "./runs.ts";
import { tinySettings } from "./tiny.ts";

const { config, cases } = golden;
const file = await readSafetensors(join(import.meta.dirname!, "..", "golden", "plus.safetensors"));

function compare(
  log: LogEntry[],
  { settings, loss, gradient_norm }: typeof cases.px | typeof cases.img,
): void {
  equal(log.length, loss.length);
  log.forEach((entry, i) => {
    equal(entry.lr, settings.lr * (entry.epoch <= settings.lr_step ? 1 : 0.1));
    const off = Math.abs(entry.loss / loss[i] - 1);
    ok(off < 1e-5, `step ${i + 1}: loss ${entry.loss} instead of ${loss[i]}`);
    const norm = gradient_norm[i];
    ok(
      Math.abs(entry.grad_norm / norm - 1) < 1e-4,
      `step ${i + 1}: norm ${entry.grad_norm} instead of ${norm}`,
    );
  });
}

for (const [name, golden] of Object.entries(cases)) {
  Deno.test(`twelve steps with L_${name} meet PyTorch's losses, norms and parameters`, () =>
    inFolder(async (folder) => {
      const category = await labelledCategory(join(folder, "thing"));
      const settings = tinySettings<AdtrSettings>({
        ...golden.settings as Partial<AdtrSettings>,
        shuffle: false,
      });
      const { image_size, feature_size } = settings;
      const source = {
        gpu,
        backbone: gaborBackbone("gabor"),
        image_size,
        feature_size,
        images: files,
        cache: null,
      };
      const init = filledAdtr(config);
      await train(category, folder, settings, { source, init });
      compare(await readLog(join(folder, "log.jsonl")), golden);
      const parameters = parametersIn(await readSafetensors(join(folder, "model.safetensors")), {
        ...config,
        dropout: 0,
      });
      for (const [key, { data }] of parameters) {
        if (key.includes("in_proj")) continue; // true zeros among the gradients: see golden/adtr.py
        const distance = relativeL2(data, float32Of(file.tensors.get(`${name}.${key}`)!));
        ok(distance < 1e-4, `${key}: ${distance}`);
      }
      deepEqual([...parameters.keys()].sort(), [...init.keys()].sort());
    }));
}

Deno.test("through the command, labelled folders and --init, the losses are the same", () =>
  inFolder(async (folder) => {
    await labelledCategory(join(folder, "thing"));
    const parameters = [...filledAdtr(config)].map(([name, { shape, data }]) =>
      [name, stored(data, shape)] as const
    );
    await writeSafetensors(join(folder, "init.safetensors"), new Map(parameters));
    const flags = Object.entries(cases.px.settings).flatMap(([name, value]) => [
      `--${name.replaceAll("_", "-")}`,
      `${value}`,
    ]);
    const places = ["--data", "thing", "--init", "init.safetensors", "--out", "run"];
    const { code, stderr } = await adtr(folder, "train", ...places, ...flags, "--no-shuffle");
    equal(code, 0, stderr);
    compare(await readLog(join(folder, "run", "log.jsonl")), cases.px);
  }));
