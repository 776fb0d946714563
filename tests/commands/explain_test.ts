import assert from "node:assert/strict";
import { explain } from "../../src/commands/explain.ts";
import { InputError, UsageError } from "../../src/errors.ts";
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
  for (const fault of [new KernelError("x"), new TypeError("x"), "x"]) assert.equal(explain(fault), null);
});
