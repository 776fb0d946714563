/**
 * What settings are: for each a schema, and how `--help` describes it. Here are those that all methods have, those that
 * methods share which are trained by steps, and what rules are made of; a method's own stand in its folder.
 *
 * @module
 */
import * as v from "npm:valibot@^1.5.0";
import type { Fit } from "../data/frame.ts";
import { readRoi, ROI_EXPECTED } from "../data/roi.ts";
import { BACKBONE_NAMES } from "../model/backbones.ts";
import { readThresholdRule, THRESHOLD_EXPECTED } from "./decision.ts";

/** What a setting can be. */
export type Value = string | number | boolean;

/** What is allowed; the schema's message says what is expected. */
export type Schema<T extends Value = Value> = v.GenericSchema<unknown, T>;

/** A setting. */
export interface Rule {
  readonly schema: Schema;
  /** What `--help` calls the value; empty for a switch, whose option turns it off. */
  readonly value: string;
  /** What it is, with other settings as `{loss}`. */
  readonly help: string;
  /** Whether it is a text even where it looks like a number. */
  readonly text?: true;
  /** Whether it may be another one when a model is opened: it changes scores, but not what was learned. */
  readonly scoring?: true;
}

/** A rule for every setting of some. */
export type Rules<S extends object> = { readonly [name in keyof S]: Rule };

/** What decides about features, maps and scores, whatever the method. */
export interface CommonSettings {
  /** The method's name. */
  method: string;
  /** Frozen feature extractor. */
  backbone: string;
  /** Which levels of the backbone make the features: `all`, or some as `2,3`. */
  levels: string;
  /** As what the backbone's weights and maps lie in memory; f16 where the adapter has it. */
  precision: "f32" | "f16";
  /** S: images are resized to S×S pixels. */
  image_size: number;
  /** How what is no square becomes one. */
  fit: Fit;
  /** The region of interest, as `readRoi` reads it: what of an image is looked at. */
  roi: string;
  /** T: images are cut into tiles of T×T of their pixels; 0: they are not. */
  tiles: number;
  /** Pixels by which neighbouring tiles overlap at least. */
  overlap: number;
  /** H = W: side of the feature map, N = H·W tokens. */
  feature_size: number;
  /** Whether the features of a position, and those of a whole image, are first brought to length 1. */
  feature_length: "own" | "unit";
  /** K: features are brought down to so many principal components; 0 leaves them alone. */
  components: number;
  /** Fixes all that is random. */
  seed: number;
  /** How a map becomes an image's score: maximum after average pooling, or mean. */
  image_score: "max" | "mean";
  /** Standard deviation of the Gaussian that maps are smoothed with, pixels; 0 for none. */
  sigma: number;
  /** Above which score an image is anomalous, as `readThresholdRule` reads it. */
  threshold: string | number;
  /** The same for pixels, by values of maps. */
  pixel_threshold: string | number;
  /** So many parts of the training images are held out in turn, to find thresholds on; 0: none. */
  folds: number;
}

/** What methods share that are trained by steps. */
export interface TrainingSettings {
  /** Passes over the training images. */
  epochs: number;
  /** B: images an optimizer step. */
  batch_size: number;
  /** Learning rate. */
  lr: number;
  /** Decoupled weight decay. */
  weight_decay: number;
  /** Gradients are scaled down to this L2 norm; 0 leaves them alone. */
  clip: number;
  /** Epochs after which the learning rate is multiplied by 0.1, once. */
  lr_step: number;
  /** Whether training images are taken in a new random order each epoch. */
  shuffle: boolean;
}

/** All settings in effect: those of all methods, and a method's own. */
export type Settings<S extends object = Record<string, Value>> = CommonSettings & S;

/**
 * A preset: what did best on photographs of parts with the bundled features (docs/photographs.md), and takes minutes without a
 * GPU; the paper's settings; a tenth of its epochs; or the demo's, for its procedural data.
 */
export type PresetName = "small" | "paper" | "quick" | "demo";

/** All presets. */
export const PRESETS: readonly PresetName[] = ["small", "paper", "quick", "demo"];

/** A whole number in least..most. */
export function whole(least: number, most = 2 ** 31 - 1): Schema<number> {
  const expected = most === 2 ** 31 - 1
    ? `a whole number of at least ${least}`
    : `a whole number from ${least} to ${most}`;
  const { number, integer, minValue, maxValue } = v;
  return v.pipe(number(expected), integer(expected), minValue(least, expected), maxValue(most, expected));
}

/** A number that is as `expected` says. */
export function real(expected: string, isGood: (value: number) => boolean): Schema<number> {
  return v.pipe(v.number(expected), v.finite(expected), v.check(isGood, expected));
}

/** A number above 0. */
export const above0: Schema<number> = real("a number above 0", (x) => x > 0);

/** A number that is not negative. */
export const atLeast0: Schema<number> = real("a number of at least 0", (x) => x >= 0);

/** One of some words. */
export function oneOf(...names: readonly string[]): Schema {
  return v.picklist(names, names.length === 1 ? names[0] : `one of ${names.join(", ")}`);
}

/** One of some numbers. */
export function oneOfNumbers(...numbers: readonly number[]): Schema<number> {
  return v.picklist(numbers, `one of ${numbers.join(", ")}`);
}

/** True or false. */
export const yesOrNo: Schema<boolean> = v.boolean("true or false");

/** Standard deviation of the smoothing of maps at most, pixels: more than that leaves nothing of them. */
const MOST_SIGMA = 256;
const LEVELS = "a text: all, or numbers of 1 to 9 with commas between them";

const threshold: Schema = v.pipe(
  v.union([v.string(), v.number()], THRESHOLD_EXPECTED),
  v.check((value) => readThresholdRule(value) !== null, THRESHOLD_EXPECTED),
);

/** The rules of `CommonSettings`. @param methods the names of all methods */
export function commonRules(methods: readonly string[]): Rules<CommonSettings> {
  return {
    method: {
      schema: oneOf(...methods),
      value: "NAME",
      help: `what learns from the images: ${methods.join(", ")}`,
    },
    backbone: {
      schema: oneOf(...BACKBONE_NAMES),
      value: "NAME",
      help: `frozen feature extractor: ${BACKBONE_NAMES.join(", ")}`,
    },
    levels: {
      schema: v.pipe(v.string(LEVELS), v.regex(/^(all|[1-9](,[1-9])*)$/, LEVELS)),
      value: "A,B|all",
      help: "which levels of the backbone make the features",
      text: true,
    },
    precision: {
      schema: oneOf("f32", "f16"),
      value: "NAME",
      help: "how the backbone's weights and maps are stored: f32, or f16 where the adapter has shader-f16",
    },
    image_size: { schema: whole(8, 4096), value: "S", help: "images are resized to S×S pixels" },
    fit: {
      schema: oneOf("stretch", "pad", "crop"),
      value: "HOW",
      help:
        "how what is no square becomes one: stretch; pad, which keeps the aspect ratio and repeats the edges; " +
        "crop, which takes the middle",
    },
    roi: {
      schema: v.pipe(v.string(ROI_EXPECTED), v.check((text) => readRoi(text) !== undefined, ROI_EXPECTED)),
      value: "x,y,w,h|FILE",
      help:
        "region of interest, all that is looked at: a rectangle in pixels or percent of the image (10%,10%,80%,80%), " +
        "or a mask image, white where it is; none: all of the image",
      text: true,
    },
    tiles: {
      schema: v.pipe(
        whole(0, 8192),
        v.check((value) => value === 0 || Number(value) >= 8, "0, or from 8 to 8192"),
      ),
      value: "T",
      help:
        "cut images into tiles of T×T of their pixels, each looked at as an image of {image_size}, which is T then " +
        "unless given; 0: no tiles",
    },
    overlap: {
      schema: whole(0, 4096),
      value: "N",
      help: "pixels by which neighbouring tiles overlap at least, up to T/2; with {tiles}, T/4 unless given",
    },
    feature_size: { schema: whole(1, 256), value: "H", help: "side of the feature map" },
    feature_length: {
      schema: oneOf("own", "unit"),
      value: "NAME",
      help:
        "whether the features of a position, and of a whole image, are first brought to length 1: own, unit",
    },
    components: {
      schema: whole(0, 4096),
      value: "K",
      help:
        "principal components that features are brought down to, each channel scaled to deviation 1 first; 0: none",
    },
    seed: { schema: whole(0, 2 ** 32 - 1), value: "N", help: "fixes all that is random" },
    image_score: {
      schema: oneOf("max", "mean"),
      value: "NAME",
      help: "an image's score: max (after average pooling) or mean of its map",
      scoring: true,
    },
    sigma: {
      schema: real(`a number from 0 to ${MOST_SIGMA}`, (x) => x >= 0 && x <= MOST_SIGMA),
      value: "X",
      help: "standard deviation of the smoothing of maps, pixels",
      scoring: true,
    },
    threshold: {
      schema: threshold,
      value: "RULE",
      help:
        "above which score an image is anomalous: quantile:Q of the scores of held-out normal images, f1 or fpr:X " +
        "(best F1, or a false-positive rate of X, by the labels of test images), a number, or none",
    },
    pixel_threshold: {
      schema: threshold,
      value: "RULE",
      help: "above which value of a map a pixel is; quantile:Q is of held-out maps' largest values",
    },
    folds: {
      schema: v.pipe(whole(0, 1000), v.check((value) => value !== 1, "0, or a whole number of at least 2")),
      value: "K",
      help:
        "parts that the training images are split into for thresholds: each is scored by a model of the others; 0: none",
    },
  };
}

/** What methods share that look at whole images. */
export interface PooledSettings {
  /** The levels whose means over positions describe a whole image: `last`, or some as `6,7`. */
  pooled_levels: string;
}

const POOLED = "a text: last, or numbers of 1 to 9 with commas between them";

/** The rules of `PooledSettings`. */
export const POOLED_RULES: Rules<PooledSettings> = {
  pooled_levels: {
    schema: v.pipe(v.string(POOLED), v.regex(/^(last|[1-9](,[1-9])*)$/, POOLED)),
    value: "A,B|last",
    help: "which levels of the backbone describe a whole image, by their means over positions",
    text: true,
  },
};

/** What methods share whose papers have a rule of their own for an image's score. */
export interface ImageRuleSettings {
  /** How an image is scored: by the paper's rule, or by its map as `image_score` says. */
  image_rule: "paper" | "map";
}

/** The rules of `ImageRuleSettings`. */
export const IMAGE_RULES: Rules<ImageRuleSettings> = {
  image_rule: {
    schema: oneOf("paper", "map"),
    value: "NAME",
    help: "how an image is scored: by the rule of the method's paper, or by its map: paper, map",
    scoring: true,
  },
};

/** The rules of `TrainingSettings`. */
export const TRAINING_RULES: Rules<TrainingSettings> = {
  epochs: { schema: whole(1), value: "N", help: "passes over the training images" },
  batch_size: { schema: whole(1, 65535), value: "B", help: "images an optimizer step" },
  lr: { schema: above0, value: "X", help: "learning rate" },
  weight_decay: { schema: atLeast0, value: "X", help: "weight decay" },
  clip: { schema: atLeast0, value: "X", help: "largest gradient norm; 0 leaves gradients alone" },
  lr_step: { schema: whole(1), value: "N", help: "epochs after which the learning rate falls to a tenth" },
  shuffle: { schema: yesOrNo, value: "", help: "take training images in sorted name order" },
};
