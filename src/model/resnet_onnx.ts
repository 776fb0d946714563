/**
 * ResNet as ONNX nodes: the counterpart of resnet.ts.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import { centred } from "../kernels/conv/frozen.ts";
import { convolved, type OnnxMap } from "./onnx.ts";
import type { ResNetWeights } from "./resnet.ts";

/** The four taps of normalised images [B, 3, S, S], low level first. */
export function resNetOnnx(
  graph: OnnxGraph,
  { stem, blocks }: ResNetWeights,
  images: OnnxValue,
  S: number,
): OnnxMap[] {
  const half = (side: number) => centred(side, side, 3, 2).outH; // a stem's 7×7 as well
  let x = graph.node("MaxPool", [convolved(graph, images, stem, { stride: 2, act: "relu" })], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  });
  let side = half(half(S));
  const found: OnnxMap[] = [];
  for (const [i, { stage, convs, stride, downsample }] of blocks.entries()) {
    const skip = downsample ? convolved(graph, x, downsample, { stride }) : x;
    const strided = convs.findIndex(({ kernel }) => kernel === 3);
    let y = x;
    for (const [j, conv] of convs.entries()) {
      y = convolved(graph, y, conv, {
        stride: j === strided ? stride : 1,
        act: "relu",
        skip: j === convs.length - 1 ? skip : undefined,
      });
    }
    x = y;
    if (stride === 2) side = half(side);
    if (blocks[i + 1]?.stage !== stage) {
      found.push({ value: x, channels: convs[convs.length - 1].out, side });
    }
  }
  return found;
}
