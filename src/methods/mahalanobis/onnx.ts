/**
 * `mahalanobis` as ONNX nodes.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../../formats/onnx.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import { lengths, linear } from "../../model/onnx.ts";
import { scoreByMapsOnnx } from "../maps_onnx.ts";
import type { OnnxScores, ScoreSettings } from "../method.ts";

/** Maps and scores of features [B, N, C], by μ [C] and L⁻¹ [C, C]. */
export function mahalanobisOnnx(
  graph: OnnxGraph,
  sizes: FeatureSizes,
  { mean, inverse }: { mean: Float32Array<ArrayBuffer>; inverse: Float32Array<ArrayBuffer> },
  features: OnnxValue,
  settings: ScoreSettings,
): OnnxScores {
  const centred = graph.node("Sub", [features, graph.floats(mean)]);
  const s = lengths(graph, linear(graph, centred, inverse, [sizes.C, sizes.C]));
  return scoreByMapsOnnx(graph, s, sizes, settings);
}
