/**
 * What a part's process is told, and how it answers.
 *
 * @module
 */
import type { Options } from "./options.ts";

/** The options, with the seconds that the part has for itself, and a folder that is removed in the end. */
export interface Told extends Options {
  work: string;
}

/** What Deno is told where it runs from the pack: to ask no registry, and to know of no other packages. */
export function offline(): string[] {
  const lock = Deno.env.get("HARDWARE_LOCK");
  return lock ? ["--cached-only", `--lock=${lock}`] : [];
}

const began = performance.now();

/** What main.ts told. */
export function told(): Told {
  return JSON.parse(Deno.args[0]);
}

/** Seconds that are left. */
export function left({ seconds }: Pick<Told, "seconds">): number {
  return seconds - (performance.now() - began) / 1000;
}

/** Answers with a record. */
export function tell(record: Record<string, unknown>): void {
  console.log(JSON.stringify(record));
}
