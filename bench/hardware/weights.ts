/**
 * A weight file of EfficientNet-B4 as timm names its tensors, with the benchmark's made-up values: BatchNorm only shifts.
 *
 * @module
 */
import { stored, type StoredTensor } from "../../src/formats/tensor_file.ts";
import type { FoldedConv } from "../../src/model/fold.ts";
import { madeUpWeights } from "../../src/bench/weights.ts";

const EPSILON = 1e-5; // timm's

/** By their names. */
export function stateDict(): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  const put = (name: string, values: Float32Array<ArrayBuffer>, shape: number[]) =>
    tensors.set(name, stored(values, shape));
  const full = (size: number, value: number) => new Float32Array(size).fill(value);
  const layer = (name: string, norm: string | null, { weight, bias, out, kernel }: FoldedConv) => {
    put(`${name}.weight`, weight.slice(), [out, weight.length / out / kernel ** 2, kernel, kernel]);
    put(`${norm ?? name}.bias`, bias.slice(), [out]);
    if (norm === null) return;
    put(`${norm}.weight`, full(out, 1), [out]);
    put(`${norm}.running_mean`, full(out, 0), [out]);
    put(`${norm}.running_var`, full(out, 1 - EPSILON), [out]);
  };
  const { stem, blocks } = madeUpWeights();
  layer("conv_stem", "bn1", stem);
  let i = 0;
  blocks.forEach(({ stage, expand, depthwise, reduce, excite, project }, n) => {
    i = n > 0 && blocks[n - 1].stage === stage ? i + 1 : 0;
    const name = `blocks.${stage}.${i}.`, first = expand === null;
    if (expand) layer(`${name}conv_pw`, `${name}bn1`, expand);
    layer(`${name}conv_dw`, name + (first ? "bn1" : "bn2"), depthwise);
    layer(`${name}se.conv_reduce`, null, reduce!);
    layer(`${name}se.conv_expand`, null, excite!);
    layer(name + (first ? "conv_pw" : "conv_pwl"), name + (first ? "bn2" : "bn3"), project);
  });
  return tensors;
}
