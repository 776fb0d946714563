/**
 * `padim` as ONNX nodes.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../../formats/onnx.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import { scoreByMapsOnnx } from "../maps_onnx.ts";
import type { OnnxScores, ScoreSettings } from "../method.ts";
import { positionDistancesOnnx } from "../position_gaussians_onnx.ts";

/** Maps and scores of features [B, N, C], of which some channels [d] count. */
export function padimOnnx(
  graph: OnnxGraph,
  sizes: FeatureSizes,
  { channels, ...gaussians }: {
    channels: Float32Array;
    mean: Float32Array<ArrayBuffer>;
    inverses: Float32Array<ArrayBuffer>;
  },
  features: OnnxValue,
  settings: ScoreSettings,
): OnnxScores {
  const chosen = graph.node("Gather", [features, graph.ints([...channels])], { axis: 2 });
  const s = positionDistancesOnnx(graph, chosen, gaussians, channels.length);
  return scoreByMapsOnnx(graph, s, sizes, settings, 1);
}
