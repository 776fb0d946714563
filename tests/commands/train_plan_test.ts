/**
 * Where a run takes anomalous images from, and which options don't go together.
 *
 * @module
 */
import { deepEqual, rejects } from "node:assert/strict";
import { dirname, join } from "node:path";
import { refuseRun } from "../../src/commands/folders.ts";
import { planTraining, type TrainPlaces } from "../../src/commands/train_plan.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { inFolder } from "../folder.ts";

const PLACES: TrainPlaces = { data: "d", category: "a", out: "nowhere" };

Deno.test("anomalous images belong to losses that learn from them", async () => {
  const refused = (given: Partial<Settings>, places: TrainPlaces, message: string): Promise<void> =>
    rejects(planTraining(given, { ...PLACES, ...places }), { name: "UsageError", message });
  const outliers = (found: string) =>
    `Expected --outliers with --loss img and without --anomalous only, but found ${found}`;
  await refused({}, { outliers: "o" }, outliers("--loss norm"));
  await refused({ loss: "px" }, { outliers: "o" }, outliers("--loss px"));
  await refused({ loss: "img" }, { outliers: "o", anomalous: "b" }, outliers("--anomalous b"));
  await refused({}, { anomalous: "b" }, "Expected --anomalous with --loss px or img, but found --loss norm");
  await refused(
    { loss: "px" },
    { anomalous: "b", category: "a,c" },
    "Expected one category with --anomalous, but found a, c",
  );
  for (
    const [loss, places] of [
      ["px", { anomalous: "b" }],
      ["img", { anomalous: "b" }],
      ["img", { outliers: "o", category: "a,c" }],
      ["px", {}],
    ] as const
  ) {
    const plan = await planTraining({ loss }, { ...PLACES, ...places });
    const { anomalous, outliers }: TrainPlaces = places;
    deepEqual([plan.settings.loss, plan.anomalous, plan.outliers], [loss, anomalous, outliers]);
  }
});

Deno.test("they are taken from the config, and from the run that is gone on with", () =>
  inFolder(async (folder) => {
    const path = join(folder, "config.json");
    await Deno.writeTextFile(path, JSON.stringify({ ...PLACES, loss: "img", outliers: "o", base_epochs: 3 }));
    for (const places of [{ config: path, out: "nowhere" }, { resume: true, out: folder }]) {
      const plan = await planTraining({}, places);
      deepEqual([plan.outliers, plan.settings.loss, plan.settings.base_epochs], ["o", "img", 3]);
    }
    await rejects(planTraining({ base_epochs: 4 }, { resume: true, out: folder }), {
      name: "UsageError",
      message: `Expected --base-epochs to be 3 as in ${path}, but found 4`,
    });
    await rejects(planTraining({}, { resume: true, out: folder, category: "other" }), {
      name: "UsageError",
      message: `Expected --category to be ${PLACES.category} as in ${path}, but found other`,
    });
  }));

Deno.test("of masks that differ, the begin and the length are told", () =>
  inFolder(async (folder) => {
    const mask = (on: number) => `mask 640x480: 0,${on}${",1".repeat(640 * 480 - on)}`;
    const path = join(folder, "config.json"), roi = mask(300_001);
    await Deno.writeTextFile(path, JSON.stringify({ ...PLACES, roi: mask(300_000) }));
    const told = (text: string) => `${text.slice(0, 80)}… (${text.length} characters)`;
    await rejects(planTraining({ roi }, { resume: true, out: folder }), {
      name: "UsageError",
      message: `Expected --roi to be ${told(mask(300_000))} as in ${path}, but found ${told(roi)}`,
    });
  }));

Deno.test("the state dict in a weight file comes from the options, or with the file from the config", () =>
  inFolder(async (folder) => {
    const config = join(folder, "config.json"), backbone = "efficientnet_b4";
    const write = (places: object) => Deno.writeTextFile(config, JSON.stringify({ ...PLACES, ...places }));
    const plan = async (places: TrainPlaces) => {
      const { weights, weightsKey } = await planTraining({ backbone }, places);
      return [weights, weightsKey];
    };
    const run = { ...PLACES, weights: "w.pth" };
    deepEqual(await plan({ ...run, weightsKey: "ema.state_dict" }), ["w.pth", "ema.state_dict"]);
    deepEqual(await plan(run), ["w.pth", undefined]);
    await rejects(plan({ ...PLACES, weightsKey: "net" }), {
      name: "UsageError",
      message: "Expected --weights FILE with --weights-key net, but found none",
    });
    await write({ weights: "w.pth", weights_key: "ema", backbone });
    for (const places of [{ config, out: "nowhere" }, { resume: true, out: folder }]) {
      deepEqual(await plan(places), ["w.pth", "ema"]);
      deepEqual(await plan({ ...places, weightsKey: "net" }), ["w.pth", "net"]);
      deepEqual(await plan({ ...places, weights: "v.pth" }), ["v.pth", undefined]); // that file's keys are others
    }
    await write({ weights_key: "ema" });
    await rejects(plan({ config, out: "nowhere" }), { name: "UsageError" });
  }));

Deno.test("whatever a run has left is not overwritten by another one", async () => {
  const names = ["model.safetensors", "checkpoint.safetensors", "log.jsonl"];
  for (const name of [...names, ...names.map((name) => join("adtr", name)), "heatmaps", "anomaly_maps"]) {
    await inFolder(async (folder) => {
      await refuseRun(folder);
      const path = join(folder, name);
      await Deno.mkdir(dirname(path), { recursive: true });
      if (name.includes(".")) await Deno.writeTextFile(path, "");
      else await Deno.mkdir(path);
      const refused = {
        name: "InputError",
        message: `Expected --out to be a folder without a run, but found ${path}.\n` +
          "--resume goes on with it; another --out leaves it alone.",
      };
      await rejects(refuseRun(folder), refused);
      await rejects(planTraining({ loss: "px" }, { ...PLACES, out: folder }), refused);
    });
  }
});
