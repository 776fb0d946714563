/**
 * What of adtr needs a file system: data sets, weights and models by their paths, a cache of features, runs that can be gone
 * on with.
 *
 * ```ts
 * import { Gpu } from "@adtr/adtr";
 * import { openModel } from "@adtr/adtr/host";
 *
 * using gpu = await Gpu.open();
 * using model = await openModel(gpu, "runs/bottle/model.safetensors");
 * const { score } = await model.score(await Deno.readFile("photo.png"));
 * ```
 *
 * @module
 */
export { openModel, type OpenModelPathOptions } from "./src/host/open_model.ts";
export { openDataset } from "./src/host/open_dataset.ts";
export { listCategories, openCategory } from "./src/host/dataset.ts";
export type { OnNote } from "./src/host/folder.ts";
export { listAnomalous, listOutliers } from "./src/host/anomalous.ts";
export { files } from "./src/host/image_files.ts";
export { defaultCache, FeatureCache, type FeatureCacheOptions } from "./src/host/feature_cache.ts";
export { RunFolder } from "./src/host/run_folder.ts";
export { copyBundledWeights, writeBrowserBundle } from "./src/host/browser_bundle.ts";
export { readSafetensors, readWeightFile, writeSafetensors } from "./src/host/tensor_files.ts";
export { type DatasetOptions, makeDataset } from "./src/host/make_dataset.ts";
