/**
 * Options that several commands share, under one name and with one meaning.
 *
 * @module
 */
import { type Command, Option } from "commander";
import type * as v from "valibot";
import type { Settings } from "../train/settings.ts";
import { checkSetting, checkValue, describe, flagOf, parseText, type SettingName } from "./setting_rules.ts";

/**
 * Adds the options of settings to a command. They have no default here: presets, config or model files come first.
 *
 * @param fallback what `--help` says instead of the presets' defaults
 */
export function addSettings(command: Command, names: readonly SettingName[], fallback?: string): Command {
  for (const name of names) {
    const { flags, help } = describe(name, fallback);
    const option = new Option(flags, help);
    const parse = (text: string): string | number => name === "levels" ? text : parseText(text); // one level is no number
    if (name !== "shuffle") option.argParser((text) => checkSetting(name, parse(text), flagOf(name)));
    command.addOption(option);
  }
  return command;
}

/** The settings among a command's parsed options, only those that were given. */
export function givenSettings(
  options: Record<string, unknown>,
  names: readonly SettingName[],
): Partial<Settings> {
  const given: Record<string, unknown> = {};
  for (const name of names) {
    const value = options[name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())];
    // A negated option is true unless it is given.
    if (value !== undefined && !(name === "shuffle" && value === true)) given[name] = value;
  }
  return given as Partial<Settings>;
}

/** An option with a whole number or other checked value, and a default where there is one. */
export function checkedOption(
  flags: string,
  help: string,
  schema: v.GenericSchema<unknown, string | number | boolean>,
  fallback?: number,
): Option {
  const option = new Option(flags, help).default(fallback);
  return option.argParser((text) => checkValue(schema, parseText(text), option.long!));
}

/** `A,B` as a list, without repeats; undefined for `all`. */
export function categoryList(text: string): string[] | undefined {
  return text === "all" ? undefined : [...new Set(text.split(",").map((name) => name.trim()))];
}
