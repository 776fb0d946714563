/**
 * What each setting may be, whether it comes as an option or from a config file, and how `--help` describes it.
 *
 * @module
 */
import * as v from "valibot";
import { ANOMALIES } from "../data/anomalies/catalogue.ts";
import { UsageError } from "../errors.ts";
import { MOST_NEIGHBOURS, MOST_SIGMA } from "../methods/method.ts";
import { ARCHITECTURES } from "../model/adtr.ts";
import { BACKBONES, DEMO, LOSSES, METHODS, PAPER, type Settings } from "../train/settings.ts";

/** The name of a setting. */
export type SettingName = keyof Settings;

/** What is allowed; the schema's message says what is expected. */
type Schema = v.GenericSchema<unknown, string | number | boolean>;

interface Rule {
  schema: Schema;
  /** What `--help` calls the value. */
  value: string;
  help: string;
}

/** A whole number in least..most. */
export function whole(least: number, most = 2 ** 31 - 1): Schema {
  const expected = most === 2 ** 31 - 1
    ? `a whole number of at least ${least}`
    : `a whole number from ${least} to ${most}`;
  const { number, integer, minValue, maxValue } = v;
  return v.pipe(number(expected), integer(expected), minValue(least, expected), maxValue(most, expected));
}

function real(expected: string, isGood: (value: number) => boolean): Schema {
  return v.pipe(v.number(expected), v.finite(expected), v.check(isGood, expected));
}

function oneOf(...names: readonly string[]): Schema {
  return v.picklist(names, names.length === 1 ? names[0] : `one of ${names.join(", ")}`);
}

const LEVELS = "all, or numbers with commas between them";
const above0 = real("a number above 0", (x) => x > 0);
const atLeast0 = real("a number of at least 0", (x) => x >= 0);

/** The settings in the order in which `--help` lists them. */
const RULES: Record<SettingName, Rule> = {
  method: {
    schema: oneOf(...METHODS),
    value: "NAME",
    help: `what learns from the features: ${METHODS.join(", ")}`,
  },
  backbone: {
    schema: oneOf(...BACKBONES),
    value: "NAME",
    help: `frozen feature extractor: ${BACKBONES.join(", ")} ` +
      "(default: gabor, which is built in; with --weights efficientnet_b4)",
  },
  levels: {
    schema: v.pipe(v.string(LEVELS), v.regex(/^(all|[1-9](,[1-9])*)$/, LEVELS)),
    value: "A,B|all",
    help:
      "which levels of the backbone make the features (default: all; with a ResNet and another --method than adtr, " +
      "those of its paper)",
  },
  image_size: { schema: whole(8, 4096), value: "S", help: "images are resized to S×S pixels" },
  feature_size: { schema: whole(1, 256), value: "H", help: "side of the feature map" },
  epochs: {
    schema: whole(1),
    value: "N",
    help: "passes over the training images; with --loss px or img, of ADTR+, paper 300, demo 8",
  },
  base_epochs: {
    schema: whole(0),
    value: "N",
    help: "with --loss px or img and without --init: epochs of the ADTR that comes first, 0 for none",
  },
  batch_size: { schema: whole(1, 65535), value: "B", help: "images an optimizer step" },
  lr: { schema: above0, value: "X", help: "learning rate of AdamW" },
  weight_decay: { schema: atLeast0, value: "X", help: "weight decay of AdamW" },
  clip: { schema: atLeast0, value: "X", help: "largest gradient norm; 0 leaves gradients alone" },
  lr_step: { schema: whole(1), value: "N", help: "epochs after which the learning rate falls to a tenth" },
  dropout: {
    schema: real("a number from 0 to below 1", (x) => x >= 0 && x < 1),
    value: "P",
    help: "dropout probability",
  },
  seed: {
    schema: whole(0, 2 ** 32 - 1),
    value: "N",
    help: "fixes initialisation, order, dropout and synthetic anomalies",
  },
  shuffle: {
    schema: v.boolean("true or false"),
    value: "",
    help: "take training images in sorted name order",
  },
  loss: {
    schema: oneOf(...LOSSES),
    value: "NAME",
    help: "norm: ADTR; px, img: ADTR+, which also learns from anomalies labelled by pixel or by image",
  },
  anomalies: {
    schema: oneOf(...Object.keys(ANOMALIES)),
    value: "NAME",
    help: `with --loss px, synthetic anomalies: ${Object.keys(ANOMALIES).join(", ")}`,
  },
  anomaly_pool: {
    schema: whole(0, 1_000_000),
    value: "N",
    help: "with --loss px, so many anomalous images, drawn once and used again; 0: new ones in every step",
  },
  alpha: { schema: atLeast0, value: "X", help: "with --loss px or img, weight of the anomalies" },
  image_k: {
    schema: whole(1, 65536),
    value: "K",
    help: "with --loss img, positions that count, those with the largest differences",
  },
  score: {
    schema: oneOf("residual", "residual-mahalanobis"),
    value: "NAME",
    help: "distance of the features: residual, residual-mahalanobis",
  },
  image_score: {
    schema: oneOf("max", "mean"),
    value: "NAME",
    help: "an image's score: max (after 16×16 average pooling) or mean of its map",
  },
  feature_norm: {
    schema: oneOf("none", "position"),
    value: "NAME",
    help: "centre features by position and scale them by channel: none, position " +
      "(default: position with gabor and gabor2, else none)",
  },
  hidden: {
    schema: whole(4, 65536),
    value: "D",
    help: "width of the transformer, a multiple of 4 and --heads",
  },
  heads: { schema: whole(1, 1024), value: "A", help: "attention heads" },
  ffn: { schema: whole(1, 65536), value: "F", help: "width of the feed-forward blocks" },
  layers: { schema: whole(1, 100), value: "L", help: "layers of the encoder, and as many of the decoder" },
  coreset: {
    schema: real("a number above 0 and at most 1", (x) => x > 0 && x <= 1),
    value: "X",
    help: "with --method patchcore, share of the training patches that is kept",
  },
  neighbours: {
    schema: whole(1, MOST_NEIGHBOURS),
    value: "K",
    help: "with --method spade, training images that an image is held against",
  },
  padim_channels: {
    schema: whole(0),
    value: "D",
    help:
      "with --method padim, channels that its Gaussians are over; 0: 100, or 550 where there are 1000 or more",
  },
  sigma: {
    schema: real(`a number from 0 to ${MOST_SIGMA}`, (x) => x >= 0 && x <= MOST_SIGMA),
    value: "X",
    help: "with another --method than adtr, standard deviation of the smoothing of maps, pixels " +
      "(default: 4 with spade, patchcore and padim, else 0)",
  },
  architecture: {
    schema: oneOf(...ARCHITECTURES),
    value: "NAME",
    help: `the transformer, or one of the paper's ablations: ${ARCHITECTURES.join(", ")}`,
  },
};

/** All names, in the order of `--help`. */
export const SETTING_NAMES = Object.keys(RULES) as readonly SettingName[];

/** A setting's option: `--image-size`; `--no-shuffle` for `shuffle`. */
export function flagOf(name: SettingName): string {
  return name === "shuffle" ? "--no-shuffle" : `--${name.replaceAll("_", "-")}`;
}

/**
 * A setting's option with its value, and what `--help` says of it.
 *
 * @param fallback what holds without the option, instead of the presets' values
 */
export function describe(name: SettingName, fallback?: string): { flags: string; help: string } {
  const { value, help } = RULES[name];
  const paper = (PAPER as Partial<Settings>)[name], demo = (DEMO as Partial<Settings>)[name];
  const hasPresets = paper !== undefined && name !== "shuffle";
  const defaults = fallback ?? (hasPresets ? `${paper}${demo === paper ? "" : `, demo ${demo}`}` : undefined);
  return {
    flags: value ? `${flagOf(name)} <${value}>` : flagOf(name),
    help: defaults === undefined ? help : `${help} (default: ${defaults})`,
  };
}

/**
 * Checks a value against what is expected.
 *
 * @param label where the value comes from, an option's name for example
 * @throws {UsageError} where it is something else
 */
export function checkValue<T extends string | number | boolean>(
  schema: v.GenericSchema<unknown, T>,
  value: unknown,
  label: string,
): T {
  const result = v.safeParse(schema, value, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return result.output;
  throw new UsageError(
    `Expected ${label} to be ${result.issues[0].message}, but found ${JSON.stringify(value)}`,
  );
}

/** `checkValue` for a setting. */
export function checkSetting(name: SettingName, value: unknown, label: string): string | number | boolean {
  return checkValue(RULES[name].schema, value, label);
}

/** An option's text as what a config file would hold: a number where it is one. */
export function parseText(text: string): string | number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}
