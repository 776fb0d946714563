/**
 * What a program says that a fault has ended.
 *
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import type { Ended } from "./scenes.ts";

/**
 * @param as what is among it
 * @throws {AssertionError} unless it failed, and said so in a line or two without a stack, or in one for each model
 */
export function requireTold({ code, stderr }: Pick<Ended, "code" | "stderr">, as: RegExp): void {
  const at = stderr.indexOf("error: ");
  equal(code, 1, stderr);
  ok(at === 0 || stderr[at - 1] === "\n", stderr);
  const said = stderr.slice(at).trimEnd(),
    models = Number(/^error: (\d+) of \d+ models failed:$/m.exec(said)?.[1] ?? 1);
  match(said, as);
  ok(said.split("\n").length <= 1 + models, stderr);
  ok(!/^\s+at /m.test(stderr), stderr);
}
