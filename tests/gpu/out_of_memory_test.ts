import assert from "node:assert/strict";
import { join } from "node:path";

const LOWER = ["batch_size", "feature_size", "image_size"];
const FAILED = /^The GPU is out of memory: asked for \d+\.\d MiB for .* \[\d+\] with \d+\.\d MiB in use$/;

/** A failure for want of memory, as it is told. */
function lacks(found: unknown): void {
  const { kind, lower, message } = found as { kind: string; lower: string[]; message: string };
  assert.deepEqual([kind, lower], ["out-of-memory", LOWER], JSON.stringify(found));
  assert.match(message, FAILED);
}

Deno.test("a device without memory: who asked for it hears of it, once, and all goes on", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", join(import.meta.dirname!, "out_of_memory.ts")],
    env: { NODEVICE_SELECT: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const told = JSON.parse(new TextDecoder().decode(stdout));
  for (const name of ["a step", "a step that goes on", "outside", "what failed", "idle"]) lacks(told[name]);
  const { others, buffers, inUse } = told["after it"];
  assert.deepEqual([others, buffers], [[7, 7, 7], 1]); // what was recorded before, and only the tensor that was kept
  assert.equal(told["the next step"], 3);
  assert.deepEqual([told["outside, once"], told["idle, once"]], [[8, 8, 8], [8, 8, 8]]);
  const end = told["at the end"];
  assert.deepEqual([end.buffers, end.inUse, end.held], [1, inUse, inUse]);
  assert.equal(end.before, inUse);
});
