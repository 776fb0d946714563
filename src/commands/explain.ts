/**
 * Errors as the command line tells them: settings by their options.
 *
 * @module
 */
import { InputError, SettingError, UsageError } from "../errors.ts";
import { GpuError } from "../gpu/error.ts";
import { printable } from "../report/printable.ts";
import { flagOf } from "./options.ts";

const OR = new Intl.ListFormat("en-GB", { type: "disjunction" });

/** What is the user's to mend, in a line or two of a terminal; null for what is a fault of the program. */
export function explain(error: unknown): string | null {
  return messageOf(error)?.split("\n").map(printable).join("\n") ?? null; // files' contents may be in it
}

function messageOf(error: unknown): string | null {
  if (error instanceof SettingError) return error.spelled(flagOf);
  if (error instanceof InputError) return error.message;
  if (!(error instanceof GpuError)) return null;
  const flags = error.lower.map(flagOf);
  return flags.length === 0 ? error.message : `${error.message}\nLower ${OR.format(flags)}.`;
}

/** Whether it is a wrong use of the program, rather than of what it was given. */
export function isUsage(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof SettingError && error.kind === "value");
}
