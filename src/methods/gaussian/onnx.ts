/**
 * `gaussian` as ONNX nodes.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../../formats/onnx.ts";
import { lengths, linear } from "../../model/onnx.ts";
import type { OnnxScores } from "../method.ts";

/** Scores of whole images' features [B, P], by μ [P] and L⁻¹ diag(1/σ) [P, P]. */
export function gaussianOnnx(
  graph: OnnxGraph,
  { mean, inverse }: { mean: Float32Array<ArrayBuffer>; inverse: Float32Array<ArrayBuffer> },
  pooled: OnnxValue,
): OnnxScores {
  const P = mean.length, centred = graph.node("Sub", [pooled, graph.floats(mean)]);
  return { map: null, score: lengths(graph, linear(graph, centred, inverse, [P, P])) };
}
