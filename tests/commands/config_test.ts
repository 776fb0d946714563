/**
 * Settings from options, config files, presets and defaults: which wins, and what is refused.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { readConfig, settingsOf } from "../../src/commands/config.ts";
import { isUsage } from "../../src/commands/explain.ts";
import { flagOf } from "../../src/commands/options.ts";
import { SettingError } from "../../src/errors.ts";
import {
  type AdtrSettings,
  DEMO as DEMO_ADTR,
  PAPER as PAPER_ADTR,
} from "../../src/methods/adtr/settings.ts";
import { methods } from "../../src/methods/registry.ts";
import { rulesOf } from "../../src/methods/resolve.ts";
import { PRESETS, type Settings, type Value } from "../../src/methods/settings.ts";
import { inFolder } from "../folder.ts";

type Given = Partial<Settings<AdtrSettings>>;
const COMMON = {
  method: "adtr",
  precision: "f32",
  image_size: 256,
  fit: "stretch",
  roi: "none",
  tiles: 0,
  overlap: 0,
  feature_size: 16,
  feature_length: "own",
  components: 0,
  seed: 0,
  image_score: "max",
  sigma: 0,
  threshold: "quantile:0.95",
  pixel_threshold: "quantile:0.95",
  folds: 5,
};
const GABOR = { backbone: "gabor", levels: "all", feature_norm: "position" };
const B4 = { backbone: "efficientnet_b4", levels: "all", feature_norm: "none" };
const PAPER = { ...COMMON, ...PAPER_ADTR };
const QUICK = { ...PAPER, epochs: 50, base_epochs: 50, lr_step: 40 };
const DEMO = { ...COMMON, image_size: 128, folds: 2, ...DEMO_ADTR };

/** Settings in effect of options and config, of the demo on its own data, of others on a folder unless said otherwise. */
function resolve(
  given: Given[],
  preset: string,
  weights?: string,
  data = preset === "demo" ? "demo" : "folder",
): Settings {
  return settingsOf(given as Partial<Settings>[], preset, weights, data);
}

/** Expects a wrong use that is told by options. */
function refusedAs(resolving: () => void, message: RegExp): void {
  throws(resolving, (error) => {
    ok(isUsage(error));
    match(error instanceof SettingError ? error.spelled(flagOf) : (error as Error).message, message);
    return true;
  });
}

/** Reads a config file of that content. */
async function configOf(folder: string, content: string): Promise<ReturnType<typeof readConfig>> {
  const path = join(folder, "c.json");
  await Deno.writeTextFile(path, content);
  return await readConfig(path);
}

Deno.test("a config file may leave the method to the option", () =>
  inFolder(async (folder) => {
    const path = join(folder, "c.json");
    await Deno.writeTextFile(path, '{"coreset":0.2}');
    deepEqual((await readConfig(path, "patchcore")).settings, { coreset: 0.2 });
    await rejects(readConfig(path), /coreset/);
  }));

Deno.test("components are no more than the channels of the levels that were asked for", () => {
  for (const [levels, components] of [[undefined, 100], ["1,2", 40], ["all", 100]] as const) {
    const given = { method: "knn", ...(levels === undefined ? {} : { levels }) };
    equal(resolve([given], "small").components, components);
  }
});

Deno.test("options win over the config file, that over the preset", () => {
  const settings = resolve([{ epochs: 3 }, { epochs: 5, lr: 0.5 }], "demo");
  deepEqual(settings, { ...DEMO, ...GABOR, epochs: 3, lr: 0.5 });
});

Deno.test("backbone and feature normalisation follow the weights, unless they are given", () => {
  deepEqual(resolve([], "paper", "b4.pth"), { ...PAPER, ...B4 });
  const lite = {
    backbone: "efficientnet_lite0",
    levels: "3,5,6",
    feature_norm: "position",
  };
  deepEqual(resolve([], "paper"), { ...PAPER, ...lite });
  const chosen = resolve([{ backbone: "gabor2" }, { feature_norm: "none" }], "paper");
  deepEqual([chosen.backbone, chosen.feature_norm], ["gabor2", "none"]);
});

Deno.test("every method has its settings, those of all, and no others", () => {
  for (const { name, settings: own } of methods) {
    for (const preset of PRESETS) {
      const settings = resolve([{ method: name }], preset);
      deepEqual(Object.keys(settings).sort(), Object.keys(rulesOf(name)).sort());
      deepEqual(
        Object.keys(settings).filter((key) => !(key in COMMON) && key !== "backbone" && key !== "levels")
          .sort(),
        Object.keys(own).sort(),
      );
    }
  }
});

Deno.test("levels and smoothing are those of the method's paper, unless they are given", () => {
  const of = (given: Given) => {
    const { levels, sigma } = resolve([given], "paper", "w.pth");
    return [levels, sigma];
  };
  const backbone = "wide_resnet50_2";
  deepEqual(of({ backbone }), ["all", 0]);
  deepEqual(of({ backbone, method: "patchcore" }), ["2,3", 4]);
  deepEqual(of({ backbone, method: "padim" }), ["1,2,3", 4]);
  deepEqual(of({ backbone, method: "knn" }), ["1,2,3", 0]);
  deepEqual(of({ method: "spade" }), ["all", 4]);
  deepEqual(of({ backbone, method: "spade", levels: "4", sigma: 0 }), ["4", 0]);
  const sigmas = methods.filter(({ settings }) => !("epochs" in settings)).map(({ name, input }) => {
    const weights = input === "pixels" ? undefined : "w.pth";
    return [name, resolve([{ method: name }], "paper", weights).sigma];
  });
  deepEqual(sigmas.filter(([, sigma]) => sigma !== 0), [["spade", 4], ["patchcore", 4], ["padim", 4]]);
});

Deno.test("settings that don't fit together are refused, naming the options", () => {
  const refused = (given: Given, message: RegExp, weights?: string): void =>
    refusedAs(() => resolve([given], "demo", weights), message);
  refused(
    { hidden: 64, heads: 5 },
    /^Expected --hidden to be a multiple of 4 and of --heads 5, but found 64$/,
  );
  refused({ hidden: 6, heads: 3 }, /^Expected --hidden .* but found 6$/);
  refused(
    { image_size: 32, feature_size: 33 },
    /^Expected --feature-size to be at most --image-size 32, but found 33$/,
  );
  refused({ tiles: 64, overlap: 33 }, /^Expected --overlap to be at most half of --tiles 64, but found 33$/);
  refused(
    { tiles: 64, fit: "pad" },
    /^Expected no --fit with --tiles, which are squares as they are, but found pad$/,
  );
  refused(
    { tiles: 5000 },
    /^Expected --tiles to be a whole number from 8 to 4096 without --image-size, which is the same then, but found 5000$/,
  );
  refused({ overlap: 1 }, /^Expected --overlap with --tiles only, but found 1$/);
  refused({ tiles: 8 }, /^Expected --feature-size to be at most --image-size 8, but found 16$/);
  refused(
    { image_size: 15, feature_size: 4 },
    /^Expected --image-size to be at least 16, .* but found 15\.\n--image-score mean /,
  );
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
  equal(resolve([{ image_size: 15, feature_size: 4, image_score: "mean" }], "demo").image_size, 15);
});

Deno.test("values out of range are refused by the option's name, the library's errors by the setting's", () => {
  const cases: [method: string, given: Record<string, Value>, expected: string][] = [
    ["patchcore", { coreset: 0 }, "coreset to be a number above 0 and at most 1, but found 0"],
    ["patchcore", { coreset: 1.5 }, "coreset to be a number above 0 and at most 1, but found 1.5"],
    ["spade", { neighbours: 0 }, "neighbours to be a whole number from 1 to 500, but found 0"],
    ["spade", { neighbours: 2.5 }, "neighbours to be a whole number from 1 to 500, but found 2.5"],
    ["padim", { padim_channels: -1 }, "padim_channels to be a whole number of at least 0, but found -1"],
    ["padim", { sigma: -1 }, "sigma to be a number from 0 to 256, but found -1"],
    ["padim", { sigma: NaN }, "sigma to be a number from 0 to 256, but found null"],
    ["adtr", { shuffle: "no" }, 'shuffle to be true or false, but found "no"'],
    ["knn", { coreset: 0.1 }, "coreset 0.1 with method patchcore only, but found knn"],
  ];
  for (const [method, given, expected] of cases) {
    throws(
      () => settingsOf([{ method, ...given } as Partial<Settings>], "paper", undefined, "folder"),
      (error) => {
        ok(error instanceof SettingError && error.kind === "value" && isUsage(error));
        equal(error.message, `Expected ${expected}`);
        const [name] = Object.keys(given);
        ok(error.settings.includes(name));
        equal(
          error.spelled(flagOf),
          `Expected ${expected.replace(name, flagOf(name)).replace("with method", "with --method")}`,
        );
        return true;
      },
    );
  }
  throws(() => resolve([{ method: "nn" }], "paper"), {
    name: "SettingError",
    message: /^Expected method to be one of adtr, spade, .*, but found "nn"$/,
  });
});

Deno.test("more channels than there are are refused when they are counted, and 0 stands for the paper's number", () => {
  const padim = methods.find(({ name }) => name === "padim")!;
  const needs = (padim_channels: number, C: number) =>
    padim.needs({ ...resolve([{ method: "padim" }], "paper"), padim_channels }, {
      images: 9,
      C,
      H: 6,
      W: 6,
      P: 0,
      S: 96,
      levels: [C],
    });
  throws(() => needs(11, 10), {
    name: "SettingError",
    message: "Expected padim_channels to be a whole number of 1 to 10, the channels there are, but found 11",
  });
  deepEqual(needs(0, 10), needs(10, 10));
  deepEqual(needs(0, 720), needs(100, 720));
  deepEqual(needs(0, 1792), needs(550, 1792));
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
    await refused('{"epochs": "3"}', "UsageError", /^In .*c\.json: Expected epochs to be .*, but found "3"$/);
    await refused(
      '{"shuffle": 0}',
      "UsageError",
      /^In .*: Expected shuffle to be true or false, but found 0$/,
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
  const weights = "b4.pth";
  for (const loss of ["px", "img"] as const) {
    const of = (name: string) => resolve([{ loss }], name, weights, "mvtec");
    deepEqual(of("paper"), { ...PAPER, ...B4, loss, epochs: 300 });
    deepEqual(of("quick"), { ...QUICK, ...B4, loss, epochs: 30 });
    deepEqual(of("demo"), { ...DEMO, ...B4, loss, epochs: 8 });
    equal(of("small").epochs, 4);
    deepEqual([of("paper"), of("quick"), of("demo")].map(({ base_epochs }) => base_epochs), [500, 50, 13]);
  }
  const cifar = { image_size: 32, feature_size: 8, batch_size: 128, image_score: "mean" };
  for (const data of ["cifar10:a", "cifar100:/b.tar.gz"]) {
    deepEqual(resolve([], "paper", weights, data), { ...PAPER, ...B4, ...cifar });
  }
  deepEqual(resolve([], "paper", weights, "data/cifar10"), { ...PAPER, ...B4 });
  const given = { image_size: 64, epochs: 7, loss: "img" as const };
  deepEqual(resolve([{ ...given, backbone: "gabor" }], "demo", undefined, "cifar10:a"), {
    ...DEMO,
    ...GABOR,
    ...cifar,
    ...given,
  });
  refusedAs(
    () => resolve([{ loss: "img", image_k: 65 }], "demo", undefined, "cifar10:a"),
    /^Expected --image-k to be at most 64, .*, but found 65$/,
  );
  equal(resolve([{ loss: "px", image_k: 65, feature_size: 8 }], "demo").image_k, 65);
});

Deno.test("a preset that is not known is a wrong usage", () => {
  for (const name of ["fast", "toString"]) {
    refusedAs(
      () => resolve([], name),
      /^Expected --preset to be one of small, paper, quick, demo, but found "\w+"$/,
    );
  }
});
