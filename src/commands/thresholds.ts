/**
 * Thresholds by the command line: rules in the place of what a model says, and what is wrong with them in words.
 *
 * @module
 */
import { type Command, Option } from "npm:commander@^15.1.0";
import * as v from "npm:valibot@^1.5.0";
import { InputError, UsageError } from "../errors.ts";
import { type Decision, describeThreshold, needsLabels, type Threshold } from "../methods/decision.ts";
import { METHOD_NAMES } from "../methods/registry.ts";
import { rulesOf } from "../methods/resolve.ts";
import { decisionBy, type Evidence } from "../score/threshold.ts";
import { noMaps } from "./model_options.ts";
import { parseText } from "./options.ts";

/** Rules that were given; without one, what the model has stays. */
export interface GivenRules {
  threshold?: string | number;
  pixelThreshold?: string | number;
}

/** How the command line spells them. */
const FLAGS: Record<keyof GivenRules, string> = {
  threshold: "--threshold",
  pixelThreshold: "--pixel-threshold",
};

/** Adds `--threshold` and `--pixel-threshold`. @param rules what they take, in words */
export function addThresholds(command: Command, rules: string): Command {
  const option = (flag: string, help: string): Option =>
    new Option(`${flag} <RULE>`, `${help} (default: as the model says)`).argParser((text) =>
      parseRule(text, flag)
    );
  return command
    .addOption(option(FLAGS.threshold, `above which score an image is anomalous, for this call: ${rules}`))
    .addOption(option(FLAGS.pixelThreshold, "above which value of a map a pixel is, likewise"));
}

/** @throws {UsageError} where a text is no rule */
export function parseRule(text: string, flag: string): string | number {
  const { schema } = rulesOf(METHOD_NAMES[0]).threshold, rule = parseText(text);
  const { success, issues } = v.safeParse(schema, rule);
  if (success) return rule;
  throw new UsageError(
    `Expected ${flag} to be ${issues[0].message}, but found ${JSON.stringify(text)}`,
  );
}

/** What decides about rules. */
export interface Deciding extends Evidence {
  /** The model's. */
  readonly decision: Decision;
  /** Whether it makes maps. */
  readonly maps: boolean;
  /** What errors call it. */
  readonly model: string;
}

/** The first rule that goes by labels, as it was given; null where none does. */
export function ruleOfLabels(rules: GivenRules, flags = FLAGS): string | null {
  const name = (["threshold", "pixelThreshold"] as const).find((name) =>
    rules[name] !== undefined && needsLabels(rules[name])
  );
  return name === undefined ? null : `${flags[name]} ${rules[name]}`;
}

/**
 * Checks rules before images are scored: those by labels as far as that is known then.
 *
 * @throws {InputError} as {@linkcode decisionWith} does
 */
export function checkRules({ threshold, pixelThreshold }: GivenRules, by: Deciding, flags = FLAGS): void {
  requireMaps({ pixelThreshold }, by, flags);
  const some = (rule?: string | number) => rule !== undefined && needsLabels(rule) ? undefined : rule;
  decisionWith({ threshold: some(threshold), pixelThreshold: some(pixelThreshold) }, by, flags);
}

function requireMaps(
  { pixelThreshold: rule }: GivenRules,
  { maps, model }: Deciding,
  flags: typeof FLAGS,
): void {
  if (rule !== undefined && rule !== "none" && !maps) throw noMaps(`${flags.pixelThreshold} ${rule}`, model);
}

/**
 * A model's decision, with what rules say.
 *
 * @param flags how the rules are spelled
 * @throws {InputError} where there is nothing to find a threshold on
 */
export function decisionWith(rules: GivenRules, by: Deciding, flags = FLAGS): Decision {
  const { decision, model } = by;
  requireMaps(rules, by, flags);
  if (rules.threshold === undefined && rules.pixelThreshold === undefined) return decision;
  const found = decisionBy({
    threshold: rules.threshold ?? "none",
    pixel_threshold: rules.pixelThreshold ?? "none",
  }, by);
  const take = (
    name: keyof GivenRules,
    known: Threshold | null,
    anew: Threshold | null,
  ): Threshold | null => {
    const rule = rules[name], flag = `${flags[name]} ${rule}`;
    if (rule === undefined) return known;
    if (anew !== null || rule === "none") return anew;
    const expected = needsLabels(rule)
      ? `${rule === "f1" ? "normal and anomalous" : "normal"} test images${
        name === "pixelThreshold" ? " with masks" : ""
      }`
      : `held-out scores in ${model}, which training with --folds puts there,`;
    throw new InputError(`Expected ${expected} for ${flag}, but found none`);
  };
  return {
    image: take("threshold", decision.image, found.image),
    pixel: take("pixelThreshold", decision.pixel, found.pixel),
    spread: decision.spread ?? found.spread,
  };
}

/** Thresholds in a line each: `threshold 1.23400: 0.99 quantile of 200 held-out normal images`. */
export function describeDecision({ image, pixel }: Decision): string {
  const line = (name: string, threshold: Threshold | null): string =>
    threshold
      ? `${name} ${threshold.value.toPrecision(6)}: ${describeThreshold(threshold)}`
      : `${name}: none`;
  return `${line("threshold", image)}\n${line("pixel threshold", pixel)}`;
}
