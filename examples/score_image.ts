/**
 * Scores one image with a trained model, says whether it is normal and where it isn't, and draws its heat map.
 *
 *     deno run -A examples/score_image.ts MODEL IMAGE HEATMAP.png [WEIGHTS]
 *
 * WEIGHTS is the weight file that the model was trained with, where its backbone is neither built in nor bundled.
 */
import { decodeImage, encodePng, Gpu, heatmap, regionsOf, sharedRange } from "@adtr/adtr";
import { openModel } from "@adtr/adtr/host";

const [modelFile, imageFile, heatmapFile, weights] = Deno.args;
const image = await decodeImage(await Deno.readFile(imageFile), imageFile);

using gpu = await Gpu.open();
using model = await openModel(gpu, modelFile, { weights });
const { score, label, map, area } = await model.score(image);
console.log(`score ${score}: ${label ?? "no threshold to say if that is normal"}`);
if (!map) throw new Error(`Expected a model that gives maps, but found one of ${model.method.name}`);

const { pixel } = model.decision; // the threshold of pixels
for (const { x, y, width, height, peak } of pixel ? regionsOf(map, pixel.value, area) : []) {
  console.log(`${width}×${height} pixels at column ${x}, row ${y}: ${peak}`);
}
await Deno.writeFile(heatmapFile, encodePng(heatmap({ image, map, ...sharedRange(map.data) })));
