/**
 * What the entries promise of memory: `using` gives all of it back.
 *
 * @module
 */
import { equal, ok, throws } from "node:assert/strict";
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
