/**
 * log.jsonl: one JSON object an optimizer step.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { LogEntry } from "../train/journal.ts";
import { readWhole, reason, writeWhole } from "./files.ts";

/** Its name in a run's folder. */
export const LOG = "log.jsonl";

/** Cuts a log to the first `lines` entries, or begins a new one with none. @throws {InputError} where it has fewer */
export async function beginLog(path: string, lines: number): Promise<void> {
  const kept = lines > 0 ? (await readLines(path)).slice(0, lines) : [];
  if (kept.length < lines) {
    throw new InputError(`Expected ${lines} steps in ${path}, but found ${kept.length}`);
  }
  const text = kept.map((line) => line + "\n").join("");
  await writeWhole(path, (write) => write(new TextEncoder().encode(text)));
}

/** How many steps a log has, from the first on. @throws {InputError} where it can't be read */
export async function countSteps(path: string): Promise<number> {
  return (await readLines(path)).length;
}

/** Lines that are whole, up to the first that is empty or torn. */
async function readLines(path: string): Promise<string[]> {
  const lines = new TextDecoder().decode(await readWhole(path)).split("\n").slice(0, -1);
  const end = lines.indexOf("");
  return end < 0 ? lines : lines.slice(0, end);
}

/** Appends entries. @throws {InputError} where the file can't be written */
export async function appendLog(path: string, entries: readonly LogEntry[]): Promise<void> {
  const text = entries.map((entry) => JSON.stringify(entry) + "\n").join("");
  try {
    await Deno.writeTextFile(path, text, { append: true });
  } catch (error) {
    throw new InputError(`Can't write ${path}: ${reason(error)}`);
  }
}

/** Reads a log. @throws {InputError} where it can't be read or is none */
export async function readLog(path: string): Promise<LogEntry[]> {
  try {
    const text = new TextDecoder().decode(await readWhole(path));
    return text.split("\n").filter((line) => line).map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new InputError(`Expected a JSON object a line in ${path}: ${error.message}`);
    }
    throw error;
  }
}

/** Mean loss of each epoch. */
export function epochLosses(entries: readonly LogEntry[]): number[] {
  const sums: { loss: number; steps: number }[] = [];
  for (const { epoch, loss } of entries) {
    const sum = sums[epoch - 1] ??= { loss: 0, steps: 0 };
    sum.loss += loss;
    sum.steps++;
  }
  return sums.map(({ loss, steps }) => loss / steps);
}
