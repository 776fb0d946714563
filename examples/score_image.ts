/**
 * Scores one image with a trained model and draws its heat map.
 *
 *     deno run -A examples/score_image.ts MODEL IMAGE HEATMAP.png [WEIGHTS]
 *
 * WEIGHTS is the weight file that the model was trained with, where its backbone is neither built in nor bundled.
 */
import { decodeImage, encodePng, Gpu, heatmap, resizeBilinear, sharedRange } from "@adtr/adtr";
import { openModel } from "@adtr/adtr/host";

const [modelFile, imageFile, heatmapFile, weights] = Deno.args;
const image = await decodeImage(await Deno.readFile(imageFile), imageFile);

using gpu = await Gpu.open();
using model = await openModel(gpu, modelFile, { weights });
const { map, size, score } = await model.score(image);
console.log(`score ${score}`);
if (!map) throw new Error(`Expected a model that gives maps, but found one of ${model.method.name}`);

const at = map.indexOf(map.reduce((a, b) => Math.max(a, b)));
console.log(`highest at column ${at % size}, row ${Math.floor(at / size)} of ${size}×${size}`);

// The map has the size that the model's images have: the picture is made from the image as the model saw it.
const seen = { width: size, height: size, data: resizeBilinear(image, size) };
await Deno.writeFile(heatmapFile, encodePng(heatmap({ image: seen, map, ...sharedRange(map) })));
