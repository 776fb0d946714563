/**
 * The state dicts in what a training script has saved: in dicts within dicts, MAX_DEPTH of them, under keys that are
 * strings (an optimizer's state is under numbers). A key is their path with dots, `ema.state_dict`; `.` is what was saved.
 *
 * @module
 */
import { SettingError } from "../errors.ts";

/** A dict that has tensors under names. */
export interface StateDict<T> {
  /** Where it is. */
  key: string;
  /** Its tensors, in its order. */
  entries: [name: string, tensor: T][];
}

const MAX_DEPTH = 4;
const SHOWN = 8, MAX_SHOWN = 60; // state dicts that an error names, and characters of a key

/** All state dicts in what was saved, outer ones first; what is there under two keys has the first. */
export function stateDicts<T>(
  saved: Map<unknown, unknown>,
  isTensor: (value: unknown) => value is T,
): StateDict<T>[] {
  const found: StateDict<T>[] = [], seen = new Set<unknown>([saved]);
  let level: [path: string[], dict: Map<unknown, unknown>][] = [[[], saved]];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const next: typeof level = [];
    for (const [path, dict] of level) {
      const entries: [string, T][] = [];
      for (const [name, value] of dict) {
        if (typeof name !== "string") continue;
        if (isTensor(value)) entries.push([name, value]);
        if (!(value instanceof Map) || seen.has(value)) continue;
        seen.add(value);
        next.push([[...path, name], value]);
      }
      if (entries.length > 0) found.push({ key: depth === 0 ? "." : path.join("."), entries });
    }
    level = next;
  }
  return found;
}

/**
 * The state dict of that key. Without one it is the one with the most tensors, if none of the others has half as many: a
 * loss with weights is no network, the moving average of a network is one.
 *
 * @param found at least one
 * @param path what errors call the file
 * @throws {SettingError} where there is none of that key, or several can be meant: with the keys there are
 */
export function chosen<T>(found: readonly StateDict<T>[], path: string, key?: string): StateDict<T> {
  const bySize = found.toSorted((a, b) => b.entries.length - a.entries.length), [first, second] = bySize;
  if (key === undefined) {
    if (second === undefined || 2 * second.entries.length < first.entries.length) return first;
    throw new SettingError(
      `Expected one state dict in ${path}, but found ${listed(bySize)}.\n` +
        "{weights_key} KEY chooses one; `weights convert` with it makes a file of it.",
      "data",
    );
  }
  const of = found.find((dict) => dict.key === key);
  if (of) return of;
  throw new SettingError(
    `Expected {weights_key} to be one of ${listed(bySize)} in ${path}, but found ${shown(key)}`,
    "data",
  );
}

function listed<T>(found: readonly StateDict<T>[]): string {
  const names = found.slice(0, SHOWN).map(({ key, entries: { length } }) =>
    `${shown(key)} (${length} ${length === 1 ? "tensor" : "tensors"})`
  );
  return names.join(", ") + (found.length > SHOWN ? ` and ${found.length - SHOWN} more` : "");
}

/** A key of a file that may hold anything, in a line, and as it is to be typed where it is a plain one. */
function shown(key: string): string {
  const text = key.length > MAX_SHOWN ? `${key.slice(0, MAX_SHOWN)}…` : key;
  return /^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text);
}
