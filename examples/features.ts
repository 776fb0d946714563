/**
 * The frozen features of images, and how alike the images are by them.
 *
 *     deno run -A examples/features.ts IMAGE IMAGE...
 *
 * The built-in backbone needs no weight file. The paper's is opened with
 * `openBackbone(gpu, "efficientnet_b4", "efficientnet_b4.pth")`.
 */
import { extractFeatures, files, Gpu, openBackbone } from "../mod.ts";

const paths = Deno.args;
const gpu = await Gpu.open();
const { backbone } = await openBackbone(gpu, "gabor", undefined);
const source = { gpu, backbone, image_size: 128, feature_size: 16, images: files, cache: null };
const features = await extractFeatures(source, paths); // [N, C] of each
gpu.close();
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
