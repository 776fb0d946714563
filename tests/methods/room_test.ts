import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { METHOD_NAMES, methodSettings } from "../../src/methods/method.ts";
import { methods } from "../../src/methods/registry.ts";
import { memoryNeeds, requireRoom } from "../../src/methods/room.ts";
import { gpu } from "../gpu.ts";
import { variants } from "../hardware.ts";
import { C, features, H, pooled, W } from "./made_up.ts";

Deno.test("a bank too large is told before the work, with sizes and what to lower", () => {
  const settings = methodSettings({ method: "knn", C: 720, H: 16, W: 16 }), GiB = 2 ** 30;
  const needs = memoryNeeds(settings, 2000); // 512 000 patches
  assert.equal(needs.gpu, 512_000 * 721 * 4);
  assert.equal(needs.host, 512_000 * 720 * 4);
  requireRoom(variants.software, settings, 2000, { available: needs.gpu + needs.host });
  assert.throws(
    () => requireRoom(variants.software, settings, 2000, { available: 2 * GiB, come: GiB }),
    (error) =>
      error instanceof InputError &&
      /knn on 2000 training images needs 3838 MiB of memory, but found 2048 MiB free.\nLower --feature-size/
        .test(
          error.message,
        ),
  );
  requireRoom(variants.hardware, settings, 2000, { available: 2 * GiB }); // the bank is not in the computer's memory
});

Deno.test("every method says what to lower, and needs less where that is done", () => {
  const lower = {
    knn: { H: 8 },
    spade: { H: 8 },
    patchcore: { coreset: 0.01 },
    padim: { padim_channels: 50 },
    kde: {},
    mahalanobis: {},
  };
  for (const method of METHOD_NAMES) {
    const settings = methodSettings({ method, C: 720, H: 16, W: 16, coreset: 0.5 });
    assert.throws(
      () => requireRoom(variants.software, settings, 100, { available: 1000 }),
      /\nLower /,
      method,
    );
    const all = memoryNeeds(settings, 100), less = memoryNeeds({ ...settings, ...lower[method] }, 100);
    if (Object.keys(lower[method]).length) assert.ok(less.gpu + less.host < all.gpu + all.host, method);
  }
});

Deno.test("the GPU memory that is told is about what is taken", async () => {
  const images = { features: features("train", 40), pooled: pooled("whole", 40, 16, 1) };
  for (const method of ["knn", "spade", "padim", "patchcore", "kde"] as const) {
    const settings = methodSettings({ method, H, W, C, padim_channels: C, coreset: 0.5 });
    const before = gpu.memory.stats().inUse, fitted = await methods[method].fit(gpu, images, settings);
    const taken = gpu.memory.stats().inUse - before, told = memoryNeeds(settings, 40, 16).gpu;
    assert.ok(taken <= 1.3 * told + 4096, `${method}: ${taken} taken, ${told} told`);
    fitted.release();
    assert.equal(gpu.memory.stats().inUse, before, `${method} gives its memory back`);
  }
});
