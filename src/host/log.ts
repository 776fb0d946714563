/**
 * log.jsonl: one JSON object an optimizer step.
 *
 * @module
 */
import { InputError, shortened } from "../errors.ts";
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
  const lines = new TextDecoder().decode(await readWhole(path)).split("\n").filter((line) => line);
  return lines.map((line) => {
    const entry = entryIn(line);
    if (entry) return entry;
    throw new InputError(
      `Expected a step of a training in each line of ${path}, but found ${shortened(line)}`,
    );
  });
}

/** What a line says; null where it is no step of a training. */
function entryIn(line: string): LogEntry | null {
  try {
    const entry = JSON.parse(line);
    return [entry?.step, entry?.epoch, entry?.loss].every(Number.isFinite) ? entry : null;
  } catch {
    return null;
  }
}

/** Mean loss of each epoch, in their order. */
export function epochLosses(entries: readonly LogEntry[]): number[] {
  const sums = new Map<number, { loss: number; steps: number }>();
  for (const { epoch, loss } of entries) {
    const sum = sums.get(epoch) ?? { loss: 0, steps: 0 };
    sums.set(epoch, { loss: sum.loss + loss, steps: sum.steps + 1 });
  }
  return [...sums.values()].map(({ loss, steps }) => loss / steps);
}
