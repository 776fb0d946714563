/**
 * VGGs' weights from a file under the names that torchvision and timm share: `features.0.weight`, numbered as ReLU,
 * maxima and, where there is one, BatchNorm are counted too (docs/method.md §2).
 *
 * @module
 */
import type { TensorFile } from "../formats/tensor_file.ts";
import type { VggDescription } from "./backbones.ts";
import { fold, type Source, tensorNames } from "./fold.ts";
import { requireNetwork } from "./recognise.ts";
import type { VggWeights } from "./vgg.ts";

const EPSILON = 1e-5;

/** The groups of convolutions, layer by layer. */
function plan({ groups, norm }: VggDescription): Source[][] {
  let layer = 0, C = 3;
  return groups.map(({ convs, out }) => {
    const sources = Array.from({ length: convs }, (): Source => {
      const conv = `features.${layer++}`, bn = norm ? `features.${layer++}` : null;
      layer++; // ReLU
      const source = { conv, norm: bn, biased: true, out, in: C, kernel: 3 };
      C = out;
      return source;
    });
    layer++; // the maximum
    return sources;
  });
}

/**
 * The weights in a file, which may hold more than they.
 *
 * @throws {InputError} where the file holds another network, tensors are missing, of another shape or not finite, or
 * variances are negative
 */
export function loadVgg(file: TensorFile, description: VggDescription): VggWeights {
  const groups = plan(description);
  requireNetwork(file, {
    network: description.network,
    namedAs: "torchvision and timm",
    names: groups.flat().flatMap(tensorNames),
    block: /^features\./,
  });
  return { groups: groups.map((sources) => sources.map((source) => fold(file, source, EPSILON))) };
}
