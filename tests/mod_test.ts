/**
 * What the entries promise: `using` gives all memory back, and what is no image or option is refused in words.
 *
 * @module
 */
import { equal, ok, rejects, throws } from "node:assert/strict";
import { Gpu, openBackbone, openModelBytes, train } from "../mod.ts";
import { drawSample } from "../src/data/procedural/sample.ts";

const data = [0, 1, 2, 3].map((seed) => drawSample({ category: "grid", size: 64, seed }).image);
const settings = { backbone: "efficientnet_lite0", image_size: 64, feature_size: 4 };

Deno.test("`using` gives back what a backbone, a model that was trained or opened, and a GPU hold", async () => {
  let closed: Gpu, bytes: Uint8Array<ArrayBuffer>;
  {
    using gpu = await Gpu.open();
    const inUse = () => gpu.memory.stats().inUse, before = inUse();
    {
      using backbone = await openBackbone(gpu, "efficientnet_lite0", null);
      ok(inUse() > before, backbone.name);
    }
    equal(inUse(), before);
    {
      using model = await train(gpu, { data, method: "mahalanobis", settings });
      bytes = await model.toBytes();
      ok(inUse() > before);
    }
    equal(inUse(), before);
    {
      using model = await openModelBytes(gpu, bytes);
      await model.score(data[0]);
      ok(inUse() > before);
    }
    equal(inUse(), before);
    closed = gpu;
  }
  throws(() => closed.check(), { name: "GpuError", kind: "closed" });
});

Deno.test("what callers without types may give is refused in words", async () => {
  using gpu = await Gpu.open();
  // deno-lint-ignore no-explicit-any
  const trained = (options?: any) => train(gpu, options);
  const refused = (work: Promise<unknown>, message: RegExp) =>
    rejects(work, (error: Error) => {
      ok(/^(Input|Usage|Setting)Error$/.test(error.name) && message.test(error.message), `${error}`);
      return true;
    });
  for (const none of [undefined, {}, { data: [] }, { data: null }, { data: "folder" }, { data: {} }]) {
    await refused(trained(none), /^Expected data to be an array of images, at least one, or/);
  }
  const bytes = new Uint8Array(7);
  for (
    const [image, found] of [
      ["a.png", 'the text "a.png"'],
      [[1, 2], "object"],
      [null, "null"],
      [{ width: 2, height: 2, data: bytes }, "2×2 with 7 bytes"],
      [{ width: 1e9, height: 1e9, data: bytes }, "1000000000×1000000000 with 7 bytes"],
    ] as const
  ) {
    const message = new RegExp(`^Expected normal 0 to be a file's bytes .*, but found ${found}$`);
    await refused(trained({ data: [image, image], method: "padim" }), message);
  }
  await refused(trained({ data, imageSize: 64 }), /^Expected the options .* of train, but found imageSize/);
  await refused(trained({ data, preset: "zz" }), /^Expected preset to be one of .*, but found "zz"$/);
  const model = await train(gpu, { data, method: "mahalanobis", settings });
  await refused(model.score("x.png" as unknown as Uint8Array), /^Expected the image to be a file's bytes/);
  model[Symbol.dispose]();
  model[Symbol.dispose]();
  await rejects(model.score(data[0]), /^Error: Expected a model in use, but found one that was disposed of$/);
});
