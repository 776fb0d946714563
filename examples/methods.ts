/**
 * Several methods on the same data set: each learns from its normal images and is tested on the others. Takes some seconds.
 *
 *     deno run -A examples/methods.ts [FOLDER]
 */
import { evaluateCategory, Gpu, train } from "@adtr/adtr";
import { FeatureCache, makeDataset, openDataset } from "@adtr/adtr/host";

const folder = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "adtr-" });
const sizes = { size: 64, train: 12, testGood: 4, testPerDefect: 1 };
await makeDataset(`${folder}/data`, { categories: ["wood"], ...sizes });
const data = await openDataset(`${folder}/data`, "wood"); // MVTec-AD's layout, VisA's, or a folder of normal images

using gpu = await Gpu.open();
const settings = { backbone: "gabor", image_size: 64, feature_size: 8 };
const cache = new FeatureCache(`${folder}/features`); // images go through the backbone once
for (const method of ["knn", "patchcore", "mahalanobis"]) {
  using model = await train(gpu, { data, method, settings, cache });
  const { metrics } = await evaluateCategory(model, data.category);
  console.log(`${method}: pixel AUROC ${metrics.pixel_auroc!.toFixed(3)}`);
}
