/**
 * Options that several commands share, under one name and with one meaning; those of settings come from the rules of all
 * methods, and are shown where the method at hand has them.
 *
 * @module
 */
import { type Command, Option } from "npm:commander@^15.1.0";
import * as v from "npm:valibot@^1.5.0";
import { SettingError, spell, UsageError } from "../errors.ts";
import type { DataKind } from "../methods/method.ts";
import { METHOD_NAMES, methodNamed } from "../methods/registry.ts";
import { resolveSettings, rulesOf, SETTINGS } from "../methods/resolve.ts";
import type { PresetName, Rule, Settings, Value } from "../methods/settings.ts";

/** A setting's option: `--image-size`; `--no-shuffle` for a switch. */
export function flagOf(name: string): string {
  const flag = name.replaceAll("_", "-");
  return ruleOf(name)?.value === "" ? `--no-${flag}` : `--${flag}`;
}

/** A setting's rule, of the first method that has it. */
function ruleOf(name: string): Rule | undefined {
  const methods = SETTINGS.get(name);
  if (methods === undefined) return undefined;
  return (rulesOf(methods[0] ?? METHOD_NAMES[0]) as Record<string, Rule>)[name];
}

/** Which settings a command has, and how it shows them. */
export interface SettingOptions {
  /** Whose settings `--help` shows; all methods' are taken. */
  method: string;
  /** Some settings only; by default all. */
  names?: readonly string[];
  /** What `--help` says instead of the presets' defaults. */
  fallback?: string;
}

/** Adds the options of settings to a command. They have no default here: presets, config or model files come first. */
export function addSettings(command: Command, { method, names, fallback }: SettingOptions): Command {
  const own = rulesOf(method) as Record<string, Rule>, defaults = fallback ? null : defaultsOf(method);
  for (const name of names ?? SETTINGS.keys()) {
    const rule = own[name] ?? ruleOf(name)!, flag = flagOf(name);
    const known = fallback ?? (rule.value === "" ? undefined : defaults?.get(name));
    const text = spell(rule.help, flagOf), help = known === undefined ? text : `${text} (default: ${known})`;
    const option = new Option(rule.value === "" ? flag : `${flag} <${rule.value}>`, help);
    if (rule.value !== "") option.argParser((text) => rule.text ? text : parseText(text));
    if (!Object.hasOwn(own, name)) option.hideHelp();
    command.addOption(option);
  }
  return command;
}

/** What `--help` says of a method beside its settings. */
export function methodHelp(command: string, method: string): string {
  const { about, input } = methodNamed(method);
  const others = input === "pixels"
    ? ""
    : "Defaults hold for the default of --backbone; another one may have its own.\n";
  return `\nShown are the settings of ${method}: ${spell(about, flagOf)}.\n${others}` +
    `Those of another method: ./adtr ${command} --help --method NAME`;
}

/** What holds for a method without any option: with --data, and of the presets `paper` and `demo` where that differs. */
function defaultsOf(method: string): Map<string, string> {
  const settingsOf = (preset: PresetName, data: DataKind): Record<string, Value> => ({
    ...resolveSettings({ method }, { preset, data, weights: false }),
    method: METHOD_NAMES[0], // where none is named
  });
  const own = settingsOf("small", "folder");
  const others = { paper: settingsOf("paper", "folder"), demo: settingsOf("demo", "demo") };
  return new Map(
    Object.entries(own).map(([name, value]) => {
      const differ = Object.entries(others).filter(([, settings]) => settings[name] !== value);
      return [name, [`${value}`, ...differ.map(([preset, other]) => `${preset} ${other[name]}`)].join(", ")];
    }),
  );
}

/**
 * The method that arguments name, for what `--help` shows; the first one where they name none.
 *
 * @throws {SettingError} where there is none of that name
 */
export function methodIn(args: readonly string[]): string {
  const at = args.findIndex((arg) => arg === "--method" || arg.startsWith("--method="));
  const name = at < 0 ? undefined : args[at].split("=")[1] ?? args[at + 1];
  if (name === undefined || METHOD_NAMES.includes(name)) return name ?? METHOD_NAMES[0];
  throw new SettingError(
    `Expected {method} to be one of ${METHOD_NAMES.join(", ")}, but found ${JSON.stringify(name)}`,
  );
}

/** The settings among a command's parsed options, only those that were given. */
export function givenSettings(
  options: Record<string, unknown>,
  names: Iterable<string> = SETTINGS.keys(),
): Partial<Settings> {
  const given: Record<string, unknown> = {};
  for (const name of names) {
    const value = options[name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())];
    // A switch is true unless it is given.
    if (value !== undefined && !(value === true && ruleOf(name)!.value === "")) given[name] = value;
  }
  return given as Partial<Settings>;
}

/** An option with a whole number or other checked value, and a default where there is one. */
export function checkedOption(
  flags: string,
  help: string,
  schema: v.GenericSchema<unknown, Value>,
  fallback?: number,
): Option {
  const option = new Option(flags, help).default(fallback);
  return option.argParser((text) => {
    const value = parseText(text),
      result = v.safeParse(schema, value, { abortEarly: true, abortPipeEarly: true });
    if (result.success) return result.output;
    throw new UsageError(
      `Expected ${option.long} to be ${result.issues[0].message}, but found ${JSON.stringify(value)}`,
    );
  });
}

/** `A,B` as a list, without repeats; undefined for `all`. */
export function categoryList(text: string): string[] | undefined {
  return text === "all" ? undefined : [...new Set(text.split(",").map((name) => name.trim()))];
}

/** An option's text as what a config file would hold: a number where it is one. */
export function parseText(text: string): string | number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}
