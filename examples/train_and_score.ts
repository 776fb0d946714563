/**
 * Makes procedural images, trains a small model on the normal ones, tests it, and scores one image's bytes: a map, a
 * number and a heat map. Takes some seconds.
 *
 *     deno run -A examples/train_and_score.ts [FOLDER]
 */
import * as adtr from "../mod.ts";

const folder = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "adtr-" });
const sizes = { size: 64, train: 24, testGood: 4, testPerDefect: 1 };
await adtr.makeDataset(`${folder}/data`, { categories: ["wood"], ...sizes });
const category = await adtr.openCategory(`${folder}/data`, "wood");

const gpu = await adtr.Gpu.open();
const settings: adtr.Settings = {
  ...adtr.DEMO,
  ...adtr.backboneDefaults("gabor", undefined),
  image_size: 64,
  feature_size: 8,
};
const { backbone } = await adtr.openBackbone(gpu, settings.backbone, undefined);
const source = { gpu, backbone, image_size: 64, feature_size: 8, images: adtr.files, cache: null };

const { detector, steps } = await adtr.trainCategory({ source, category, settings, out: folder });
const { metrics } = await adtr.evaluateCategory(source, detector!, settings, category);
console.log(`${steps} steps, pixel AUROC ${metrics.pixel_auroc!.toFixed(3)}`);

const { path, defect } = category.test.find(({ label }) => label === 1)!;
const bytes = await Deno.readFile(path);
const { map, size, score } = await new adtr.ScoringModel(source, detector!, settings).score(bytes, path);
console.log(`${defect}: score ${score.toFixed(2)}, map ${size}×${size}`);
gpu.close();

const image = await adtr.decodeImage(bytes, path); // of the map's size already
const picture = adtr.heatmap({ image, map, ...adtr.sharedRange(map) });
await Deno.writeFile(`${folder}/heatmap.png`, adtr.encodePng(picture));
console.log(`${folder}/model.safetensors\n${folder}/heatmap.png`);
