/**
 * EfficientNet-B4's folded weights, made up: right in shape, and scaled so that values neither vanish nor grow.
 *
 * @module
 */
import type { EfficientNetWeights, MBConv, Padding } from "../../src/model/efficientnet.ts";
import type { FoldedConv } from "../../src/model/fold.ts";
import { fill } from "../fill.ts";

// docs/method.md §2: blocks, kernel, stride, expand, out
const STAGES = [
  [2, 3, 1, 1, 24],
  [4, 3, 2, 6, 32],
  [4, 5, 2, 6, 56],
  [6, 3, 2, 6, 112],
  [6, 5, 1, 6, 160],
  [8, 5, 2, 6, 272],
  [2, 3, 1, 6, 448],
];

/** The same weights on every call. */
export function madeUpWeights(padding: Padding): EfficientNetWeights {
  const layer = (name: string, out: number, inputs: number, kernel = 1, perGroup = inputs): FoldedConv => {
    const fanIn = perGroup * kernel * kernel, bound = Math.sqrt(4 / fanIn);
    return {
      weight: fill(`${name}.weight`, out * fanIn, -bound, bound),
      bias: fill(`${name}.bias`, out, -0.1, 0.1),
      out,
      in: inputs,
      kernel,
    };
  };
  const blocks: MBConv[] = [];
  let C = 48;
  STAGES.forEach(([count, kernel, first, expand, out], stage) => {
    for (let i = 0; i < count; i++) {
      const wide = C * expand, narrow = Math.floor(C / 4), stride = i === 0 ? first : 1;
      const name = `${stage}.${i}`;
      blocks.push({
        stage,
        stride,
        skip: stride === 1 && C === out,
        expand: expand === 1 ? null : layer(`${name}.expand`, wide, C),
        depthwise: layer(`${name}.depthwise`, wide, wide, kernel, 1),
        reduce: layer(`${name}.reduce`, narrow, wide),
        excite: layer(`${name}.excite`, wide, narrow),
        project: layer(`${name}.project`, out, wide),
      });
      C = out;
    }
  });
  return { padding, act: "silu", taps: [0, 1, 2, 4, 6], stem: layer("stem", 48, 3, 3), blocks };
}
