/**
 * Scores one image with a trained model and draws its heat map.
 *
 *     deno run -A examples/score_image.ts MODEL IMAGE HEATMAP.png [WEIGHTS]
 *
 * WEIGHTS is the weight file that the model was trained with, where its backbone is not built in.
 */
import { decodeImage, encodePng, Gpu, heatmap, openModel, resizeBilinear, sharedRange } from "../mod.ts";

const [modelFile, imageFile, heatmapFile, weights] = Deno.args;
const bytes = await Deno.readFile(imageFile);

const gpu = await Gpu.open();
const model = await openModel(gpu, modelFile, { weights });
const { map, size, score } = await model.score(bytes, imageFile);
gpu.close();

const at = map.indexOf(map.reduce((a, b) => Math.max(a, b)));
console.log(
  `score ${score}, highest at column ${at % size}, row ${Math.floor(at / size)} of ${size}×${size}`,
);

// The map has the size that the model's images have: the picture is made from the image as the model saw it.
const seen = resizeBilinear(await decodeImage(bytes, imageFile), size);
const image = { width: size, height: size, data: seen };
await Deno.writeFile(heatmapFile, encodePng(heatmap({ image, map, ...sharedRange(map) })));
