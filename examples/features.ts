/**
 * The frozen features of images, and how alike the images are by them.
 *
 *     deno run -A examples/features.ts IMAGE IMAGE...
 *
 * The weights of this backbone come with the project. The paper's is opened with
 * `openBackbone(gpu, "efficientnet_b4", await readWeightFile("efficientnet_b4.pth"))`.
 */
import { extractFeatures, Gpu, openBackbone } from "@adtr/adtr";
import { files } from "@adtr/adtr/host";

const paths = Deno.args;
using gpu = await Gpu.open();
using backbone = await openBackbone(gpu, "efficientnet_lite0", null);
const source = { gpu, backbone, image_size: 128, feature_size: 16, images: files, cache: null };
const features = await extractFeatures(source, paths); // [N, C] of each
console.log(`${backbone.name}: ${paths.length} × [${16 * 16}, ${backbone.channels}]`);

/** Mean over all positions, [C]. */
function pooled(values: Float32Array): Float32Array {
  const C = backbone.channels, mean = new Float32Array(C);
  values.forEach((v, i) => mean[i % C] += v * C / values.length);
  return mean;
}

const [first, ...others] = features.map(pooled);
for (const [i, other] of others.entries()) {
  const distance = Math.hypot(...first.map((v, c) => v - other[c]));
  console.log(`${paths[0]} to ${paths[i + 1]}: ${distance.toFixed(2)}`);
}
