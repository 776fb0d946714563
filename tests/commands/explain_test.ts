import assert from "node:assert/strict";
import { explain, isUsage } from "../../src/commands/explain.ts";
import { InputError, SettingError, UsageError } from "../../src/errors.ts";
import { GpuError, KernelError } from "../../src/gpu/error.ts";

Deno.test("what to lower is told by options, and only what the user can mend is explained", () => {
  const full = (...lower: string[]) => explain(new GpuError("out-of-memory", "The GPU is full", lower));
  assert.equal(full(), "The GPU is full");
  assert.equal(full("batch_size"), "The GPU is full\nLower --batch-size.");
  assert.equal(
    full("batch_size", "feature_size", "image_size"),
    "The GPU is full\nLower --batch-size, --feature-size or --image-size.",
  );
  assert.equal(explain(new InputError("Expected a file")), "Expected a file");
  assert.equal(explain(new UsageError("Expected a number")), "Expected a number");
  assert.equal(explain(new InputError("found \x1b[2J\rx\nor so")), "found \\u001b[2J\\rx\nor so");
  for (const fault of [new KernelError("x"), new TypeError("x"), "x"]) assert.equal(explain(fault), null);
});

Deno.test("settings are spelled as options, and only a wrong value is a wrong usage", () => {
  const template = "Expected {lr_step} to be at most {shuffle} 3.\nLower {preset} {other}.";
  const error = new SettingError(template);
  assert.equal(error.message, "Expected lr_step to be at most shuffle 3.\nLower preset other.");
  assert.deepEqual(error.settings, ["lr_step", "shuffle", "preset", "other"]);
  assert.equal(explain(error), "Expected --lr-step to be at most --no-shuffle 3.\nLower --preset --other.");
  const isWrong = [
    error,
    new UsageError("x"),
    new SettingError("x", "memory"),
    new SettingError("x", "divergence"),
    new InputError("x"),
    new TypeError("x"),
  ].map(isUsage);
  assert.deepEqual(isWrong, [true, true, false, false, false, false]);
});
