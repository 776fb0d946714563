import assert from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { sizeClass } from "../../src/gpu/memory.ts";
import { gpu } from "../gpu.ts";
import { binding } from "../hardware.ts";

Deno.test("size classes hold what is asked for, waste at most a quarter, and are their own class", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (bytes) => {
    const size = sizeClass(bytes);
    assert.ok(
      size >= bytes && size % 64 === 0 && (size === 256 || size <= 1.25 * bytes),
      `${bytes} in ${size}`,
    );
    assert.equal(sizeClass(size), size);
  }));
});

Deno.test("a step gives back what it took, but for what was kept", async () => {
  const before = gpu.memory.stats();
  const kept = await gpu.step((gpu) => {
    gpu.empty([1000]);
    const early = gpu.empty([1000]);
    gpu.release(early);
    gpu.empty([50]);
    return gpu.keep(gpu.tensor([1, 2, 3]));
  });
  assert.equal(gpu.memory.stats().inUse - before.inUse, kept.slab.bytes);
  assert.ok(gpu.memory.stats().peak >= before.inUse + 4096);
  await gpu.step((gpu) => {
    for (let i = 0; i < 5; i++) gpu.tensor([7, 7, 7]);
  });
  assert.deepEqual([...await gpu.read(kept)], [1, 2, 3]);
  gpu.release(kept);
  assert.equal(gpu.memory.stats().inUse, before.inUse);
});

Deno.test("a step that asks for the same finds the same buffers, in the same order", async () => {
  const step = () =>
    gpu.step((gpu) => {
      const ids = [300, 20, 300].map((n) => gpu.empty([n]).slab.id);
      const middle = gpu.empty([300]);
      gpu.release(middle);
      return [...ids, middle.slab.id, ...[300, 300].map((n) => gpu.empty([n]).slab.id)];
    });
  const first = await step(), { held, buffers } = gpu.memory.stats();
  for (let i = 0; i < 3; i++) assert.deepEqual(await step(), first);
  assert.deepEqual([gpu.memory.stats().held, gpu.memory.stats().buffers], [held, buffers]);
});

Deno.test("steps do not nest, and end where their work throws", async () => {
  const { inUse } = gpu.memory.stats();
  await assert.rejects(() => gpu.step(() => gpu.step(() => 1)), /Expected no step within a step/);
  await assert.rejects(
    () =>
      gpu.step((gpu) => {
        gpu.empty([10]);
        throw new Error("on purpose");
      }),
    /on purpose/,
  );
  assert.equal(gpu.memory.stats().inUse, inUse);
  assert.equal(await gpu.step(() => 5), 5);
});

Deno.test("memory is given back once", async () => {
  const x = gpu.empty([4]);
  gpu.release(x);
  assert.throws(() => gpu.release(x), /was given back before/);
  const y = await gpu.step((gpu) => gpu.empty([4]));
  assert.throws(() => gpu.release(y), /was given back before/);
});

Deno.test("a tensor larger than a binding or a buffer is refused, with what to lower", () => {
  const floats = gpu.limits.maxStorageBufferBindingSize / 4;
  assert.throws(() => gpu.empty([2, floats], "attention weights"), {
    name: "GpuError",
    kind: "too-large",
    lower: ["batch_size", "feature_size", "image_size"],
    message: new RegExp(
      `^attention weights \\[2,${floats}\\] needs .* MiB; this adapter binds at most .* MiB at once$`,
    ),
  });
  assert.throws(() => binding(64).tensor([...Array(17).keys()]), /^GpuError: A tensor \[17\] needs/);
  assert.throws(
    () => gpu.memory.take(gpu.limits.maxBufferSize + 1),
    /in one piece; this adapter's largest buffer/,
  );
});

Deno.test("shapes are whole numbers of at least 1", () => {
  for (const shape of [[0], [3, 0], [-1], [1.5], [NaN]]) {
    assert.throws(
      () => gpu.empty(shape),
      /^RangeError: Expected dimensions that are whole numbers of at least 1/,
    );
  }
  assert.throws(() => gpu.tensor([]), /at least 1, but found \[0\]/);
  assert.equal(gpu.empty([]).size, 1);
});

Deno.test("a view has the same values under another shape of the same size", async () => {
  const x = gpu.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  x.requiresGrad = true;
  const view = x.view([3, 2]);
  assert.deepEqual([view.shape, view.slab, view.offset, view.requiresGrad], [[3, 2], x.slab, 0, true]);
  assert.deepEqual([...await gpu.read(view)], [1, 2, 3, 4, 5, 6]);
  assert.throws(() => x.view([5]), /Expected a shape of 6 values for \[2,3\], but found \[5\]/);
  const part = gpu.tensor([...Array(70).keys()]).part(64, [2]);
  assert.deepEqual([...await gpu.read(part)], [64, 65]);
});
