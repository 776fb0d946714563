/**
 * Trains ADTR on pictures in memory, tests it, and scores one picture: a number, a map and a heat map. Takes some seconds.
 *
 *     deno run -A examples/train_and_score.ts [FOLDER]
 */
import { encodePng, evaluateCategory, Gpu, heatmap, memoryData, sharedRange, train } from "@adtr/adtr";
import { drawSample } from "@adtr/adtr/data";

const folder = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "adtr-" });

// Pictures of a grid; a photograph's bytes would do as well.
const draw = (seed: number, defect?: string) => drawSample({ category: "grid", size: 128, seed, defect });
const broken = [100, 101, 102, 103].map((seed) => draw(seed, "broken"));
const data = memoryData({
  normal: Array.from({ length: 16 }, (_, seed) => draw(seed).image),
  test: [
    ...[200, 201, 202, 203].map((seed) => ({ image: draw(seed).image, label: 0 as const })),
    ...broken.map(({ image, mask }) => ({ image, label: 1 as const, mask })),
  ],
});

using gpu = await Gpu.open();
using model = await train(gpu, {
  data,
  onProgress: ({ done, total, loss }) => {
    if (done === total && loss !== undefined) console.log(`${total} steps, loss ${loss.toFixed(2)}`);
  },
});
const { metrics } = await evaluateCategory(model, data.category);
console.log(`image AUROC ${metrics.image_auroc!.toFixed(3)}, pixel AUROC ${metrics.pixel_auroc!.toFixed(3)}`);

const { image } = broken[0];
const { score, label, map } = await model.score(image);
console.log(`score ${score.toFixed(2)}, ${label}`); // by a threshold found on normal images that were held out
const picture = heatmap({ image, map: map!, ...sharedRange(map!.data) });
await Deno.writeFile(`${folder}/heatmap.png`, encodePng(picture));
await Deno.writeFile(`${folder}/model.safetensors`, await model.toBytes());
