/**
 * VGG as ONNX nodes: the counterpart of vgg.ts.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import { convolved, type OnnxMap } from "./onnx.ts";
import type { VggWeights } from "./vgg.ts";

/** The taps of normalised images [B, 3, S, S], low level first. */
export function vggOnnx(graph: OnnxGraph, { groups }: VggWeights, images: OnnxValue, S: number): OnnxMap[] {
  let x = images, side = S;
  return groups.map((convs) => {
    for (const conv of convs) x = convolved(graph, x, conv, { act: "relu" });
    x = graph.node("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
    side = Math.floor(side / 2);
    return { value: x, channels: convs[convs.length - 1].out, side };
  });
}
