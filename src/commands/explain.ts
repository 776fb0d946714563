/**
 * Errors as the command line tells them: settings by their options.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { GpuError } from "../gpu/error.ts";
import { flagOf, type SettingName } from "./setting_rules.ts";

const OR = new Intl.ListFormat("en-GB", { type: "disjunction" });

/** What is the user's to mend, in a line or two; null for what is a fault of the program. */
export function explain(error: unknown): string | null {
  if (error instanceof InputError) return error.message;
  if (!(error instanceof GpuError)) return null;
  const flags = error.lower.map((name) => flagOf(name as SettingName));
  return flags.length === 0 ? error.message : `${error.message}\nLower ${OR.format(flags)}.`;
}
