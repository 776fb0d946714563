/**
 * EfficientNet-B4's folded weights, made up: right in shape, and scaled so that values neither vanish nor grow. Speed
 * does not depend on what they are.
 *
 * @module
 */
import { Random } from "../hash.ts";
import type { EfficientNetWeights, MBConv } from "../model/efficientnet.ts";
import type { FoldedConv } from "../model/fold.ts";
import { B4 } from "../model/backbones.ts";

/** The same weights on every call, with symmetric padding. */
export function madeUpWeights(): EfficientNetWeights {
  const random = new Random(0, "weights");
  const uniform = (count: number, bound: number) =>
    Float32Array.from({ length: count }, () => random.range(-bound, bound));
  const layer = (out: number, inputs: number, kernel = 1, perGroup = inputs): FoldedConv => {
    const fanIn = perGroup * kernel * kernel;
    return {
      weight: uniform(out * fanIn, Math.sqrt(4 / fanIn)),
      bias: uniform(out, 0.1),
      out,
      in: inputs,
      kernel,
    };
  };
  const blocks: MBConv[] = [];
  const { stem, stages, act, taps } = B4;
  let C = stem;
  stages.forEach(({ blocks: count, kernel, stride: first, expand, out }, stage) => {
    for (let i = 0; i < count; i++) {
      const wide = C * expand, narrow = Math.floor(C / 4), stride = i === 0 ? first : 1;
      blocks.push({
        stage,
        stride,
        skip: stride === 1 && C === out,
        expand: expand === 1 ? null : layer(wide, C),
        depthwise: layer(wide, wide, kernel, 1),
        reduce: layer(narrow, wide),
        excite: layer(wide, narrow),
        project: layer(out, wide),
      });
      C = out;
    }
  });
  return { padding: "symmetric", act, taps, stem: layer(stem, 3, 3), blocks };
}
