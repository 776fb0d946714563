/**
 * Methods beside ADTR on the same features: fits each to a folder's normal images and tests it. Takes some seconds.
 *
 *     deno run -A examples/methods.ts [FOLDER]
 */
import * as adtr from "../mod.ts";

const folder = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "adtr-" });
const sizes = { size: 64, train: 12, testGood: 4, testPerDefect: 1 };
await adtr.makeDataset(`${folder}/data`, { categories: ["wood"], ...sizes });
const category = await adtr.openCategory(`${folder}/data`, "wood");

const gpu = await adtr.Gpu.open();
const { backbone } = await adtr.openBackbone(gpu, "gabor", undefined);
const source = { gpu, backbone, image_size: 64, feature_size: 8, images: adtr.files, cache: null };
for (const method of ["knn", "patchcore", "mahalanobis"] as const) {
  const settings: adtr.Settings = {
    ...adtr.DEMO,
    ...adtr.backboneDefaults("gabor", undefined, method),
    method,
    image_size: 64,
    feature_size: 8,
  };
  const scorer = await adtr.fitCategory({ source, category, settings, out: folder });
  const { metrics } = await adtr.evaluateCategory(source, scorer!, settings, category);
  console.log(`${method}: pixel AUROC ${metrics.pixel_auroc!.toFixed(3)}`);
  scorer!.release();
}
gpu.close();
