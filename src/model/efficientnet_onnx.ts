/**
 * EfficientNet as ONNX nodes: the counterpart of efficientnet.ts.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import { type EfficientNetWeights, pads } from "./efficientnet.ts";
import { convolved, type OnnxMap } from "./onnx.ts";

/** The taps of normalised images [B, 3, S, S], low level first. */
export function efficientNetOnnx(
  graph: OnnxGraph,
  { padding, act, taps, stem, blocks }: EfficientNetWeights,
  images: OnnxValue,
  S: number,
): OnnxMap[] {
  const window = (side: number, kernel: number, stride: number, nominal: number) => {
    const { before, out } = pads(padding, side, kernel, stride, nominal);
    return { out, padding: [before, Math.max(0, (out - 1) * stride + kernel - side - before)] as const };
  };
  let nominal = typeof padding === "number" ? padding : 0;
  let { out: side, padding: edge } = window(S, stem.kernel, 2, nominal);
  let x = convolved(graph, images, stem, { stride: 2, padding: edge, act });
  nominal = Math.ceil(nominal / 2);
  const found: OnnxMap[] = [];
  for (const [i, block] of blocks.entries()) {
    const { stage, stride, skip, expand, depthwise, reduce, excite, project } = block;
    const expanded = expand ? convolved(graph, x, expand, { act }) : x;
    ({ out: side, padding: edge } = window(side, depthwise.kernel, stride, nominal));
    nominal = Math.ceil(nominal / stride);
    let y = convolved(graph, expanded, depthwise, { stride, padding: edge, act, depthwise: true });
    if (reduce && excite) {
      const squeezed = convolved(graph, graph.node("GlobalAveragePool", [y]), reduce, { act: "silu" });
      y = graph.node("Mul", [y, convolved(graph, squeezed, excite, { act: "sigmoid" })]);
    }
    x = convolved(graph, y, project, { skip: skip ? x : undefined });
    if (taps.includes(stage) && blocks[i + 1]?.stage !== stage) {
      found.push({ value: x, channels: project.out, side });
    }
  }
  return found;
}
