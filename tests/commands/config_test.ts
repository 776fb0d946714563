/**
 * Settings from options, config files, presets and defaults: which wins, and what is refused.
 *
 * @module
 */
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { readConfig, resolveSettings } from "../../src/commands/config.ts";
import { InputError, UsageError } from "../../src/errors.ts";
import {
  backboneDefaults,
  DEMO,
  PAPER,
  presetSettings,
  QUICK,
  type Settings,
} from "../../src/train/settings.ts";
import { inFolder } from "../folder.ts";

/** Reads a config file of that content. */
async function configOf(folder: string, content: string): Promise<ReturnType<typeof readConfig>> {
  const path = join(folder, "c.json");
  await Deno.writeTextFile(path, content);
  return await readConfig(path);
}

Deno.test("options win over the config file, that over the preset", () => {
  const settings = resolveSettings([{ epochs: 3 }, { epochs: 5, lr: 0.5 }], "demo", undefined);
  deepEqual(settings, { ...DEMO, ...backboneDefaults("gabor", undefined), epochs: 3, lr: 0.5 });
});

Deno.test("backbone and feature normalisation follow the weights, unless they are given", () => {
  const paper = resolveSettings([], "paper", "b4.pth");
  deepEqual(paper, {
    ...PAPER,
    backbone: "efficientnet_b4",
    feature_norm: "none",
    levels: "all",
    sigma: 0,
  });
  const chosen = resolveSettings([{ backbone: "gabor2" }, { feature_norm: "none" }], "paper", undefined);
  deepEqual([chosen.backbone, chosen.feature_norm], ["gabor2", "none"]);
});

Deno.test("levels and smoothing are those of the method's paper, unless they are given", () => {
  const of = (given: Partial<Settings>) => {
    const { levels, sigma } = resolveSettings([given], "paper", "w.pth");
    return [levels, sigma];
  };
  const backbone = "wide_resnet50_2";
  deepEqual(of({ backbone }), ["all", 0]);
  deepEqual(of({ backbone, method: "patchcore" }), ["2,3", 4]);
  deepEqual(of({ backbone, method: "padim" }), ["1,2,3", 4]);
  deepEqual(of({ backbone, method: "knn" }), ["1,2,3", 0]);
  deepEqual(of({ method: "spade" }), ["all", 4]);
  deepEqual(of({ backbone, method: "spade", levels: "4", sigma: 0 }), ["4", 0]);
});

Deno.test("settings that don't fit together are refused, naming the options", () => {
  const refused = (
    given: Parameters<typeof resolveSettings>[0][0],
    message: RegExp,
    weights?: string,
  ): void => throws(() => resolveSettings([given], "demo", weights), { name: "UsageError", message });
  refused(
    { hidden: 64, heads: 5 },
    /^Expected --hidden to be a multiple of 4 and of --heads 5, but found 64$/,
  );
  refused({ hidden: 6, heads: 3 }, /^Expected --hidden .* but found 6$/);
  refused(
    { image_size: 32, feature_size: 33 },
    /^Expected --feature-size to be at most --image-size 32, but found 33$/,
  );
  refused({ image_size: 15, feature_size: 4 }, /^Expected --image-size to be at least 16.* but found 15\.\n/);
  refused({ backbone: "tf_efficientnet_b4" }, /^Expected --weights FILE for --backbone tf_efficientnet_b4/);
  refused({ backbone: "gabor" }, /^Expected no --weights, .* but found w\.pth$/, "w.pth");
  for (
    const given of [{ loss: "px" }, { architecture: "conv" }, { score: "residual-mahalanobis" }] as const
  ) {
    const [[name, value]] = Object.entries(given);
    refused(
      { method: "knn", ...given },
      new RegExp(`^Expected --${name} ${value} with --method adtr only, but found knn$`),
    );
  }
  equal(
    resolveSettings([{ image_size: 15, feature_size: 4, image_score: "mean" }], "demo", undefined).image_size,
    15,
  );
});

Deno.test("a config file holds settings, places and notes", () =>
  inFolder(async (folder) => {
    const content = {
      epochs: 2,
      shuffle: false,
      data: "d",
      category: "a,b",
      weights: null,
      environment: { gpu: 1 },
    };
    const { settings, places } = await configOf(folder, JSON.stringify(content));
    deepEqual(settings, { epochs: 2, shuffle: false });
    deepEqual(places, { data: "d", category: "a,b" });
  }));

Deno.test("a config file's mistakes are named", () =>
  inFolder(async (folder) => {
    const refused = (content: string, name: string, message: RegExp): Promise<void> =>
      rejects(configOf(folder, content), { name, message });
    await refused('{"epohcs": 3}', "UsageError", /c\.json, but found "epohcs"\n\(Did you mean epochs\?\)$/);
    await refused('{"zzzzzz": 3}', "UsageError", /c\.json, but found "zzzzzz"$/);
    await refused('{"epochs": "3"}', "UsageError", /^Expected epochs in .*c\.json to be .*, but found "3"$/);
    await refused(
      '{"shuffle": 0}',
      "UsageError",
      /^Expected shuffle in .* to be true or false, but found 0$/,
    );
    await refused('{"out": 3}', "UsageError", /^Expected out in .* to be a text, but found 3$/);
    await refused("{", "InputError", /^Expected JSON in .*c\.json, but found /);
    await refused("[1]", "InputError", /^Expected a JSON object in .*c\.json, but found \[1\]$/);
    await rejects(readConfig(join(folder, "none.json")), {
      name: "InputError",
      message: /^Can't read .*none\.json: /,
    });
  }));

Deno.test("presets follow the loss and the data set, and what is given wins", () => {
  const weights = "b4.pth", b4 = backboneDefaults("efficientnet_b4", "b4.pth");
  for (const loss of ["px", "img"] as const) {
    const of = (name: string) => resolveSettings([{ loss }], name, weights, "mvtec");
    deepEqual(of("paper"), { ...PAPER, ...b4, loss, epochs: 300 });
    deepEqual(of("quick"), { ...QUICK, ...b4, loss, epochs: 30 });
    deepEqual(of("demo"), { ...DEMO, ...b4, loss, epochs: 8 });
    deepEqual([of("paper"), of("quick"), of("demo")].map(({ base_epochs }) => base_epochs), [500, 50, 13]);
  }
  const cifar = { image_size: 32, feature_size: 8, batch_size: 128, image_score: "mean" };
  for (const data of ["cifar10:a", "cifar100:/b.tar.gz"]) {
    deepEqual(resolveSettings([], "paper", weights, data), { ...PAPER, ...b4, ...cifar });
  }
  deepEqual(resolveSettings([], "paper", weights, "data/cifar10"), { ...PAPER, ...b4 });
  const given = { image_size: 64, epochs: 7, loss: "img" as const };
  deepEqual(resolveSettings([given], "demo", undefined, "cifar10:a"), {
    ...presetSettings("demo", "img", true),
    ...backboneDefaults("gabor", undefined),
    ...given,
  });
  throws(() => resolveSettings([{ loss: "img", image_k: 65 }], "demo", undefined, "cifar10:a"), {
    name: "UsageError",
    message: /^Expected --image-k to be at most 64, .*, but found 65$/,
  });
  equal(resolveSettings([{ loss: "px", image_k: 65, feature_size: 8 }], "demo", undefined).image_k, 65);
});

Deno.test("a preset that is not known is a wrong usage", () => {
  throws(() => resolveSettings([], "fast", undefined), UsageError);
  throws(() => resolveSettings([], "toString", undefined), InputError);
});
