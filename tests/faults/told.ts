/**
 * What a program says that a fault has ended.
 *
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import type { Ended } from "./scenes.ts";

/** @throws {AssertionError} unless it failed, and said so in a line or two without a stack @param as what the first has */
export function requireTold({ code, stderr }: Pick<Ended, "code" | "stderr">, as: RegExp): void {
  const at = stderr.indexOf("error: ");
  equal(code, 1, stderr);
  ok(at === 0 || stderr[at - 1] === "\n", stderr);
  const lines = stderr.slice(at).trimEnd().split("\n");
  match(lines[0], as);
  ok(!/^\s+at /m.test(stderr), stderr);
  ok(lines.length <= 2, stderr);
}
