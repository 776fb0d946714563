/**
 * `knn` as ONNX nodes.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../../formats/onnx.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import type { HostBank } from "../bank.ts";
import { centredOnnx, nearestOnnx, rowsOnnx } from "../bank_onnx.ts";
import { scoreByMapsOnnx } from "../maps_onnx.ts";
import type { OnnxScores, ScoreSettings } from "../method.ts";

/** Maps and scores of features [B, N, C]. */
export function knnOnnx(
  graph: OnnxGraph,
  sizes: FeatureSizes,
  { rows, mean }: HostBank,
  features: OnnxValue,
  settings: ScoreSettings,
): OnnxScores {
  const { distances } = nearestOnnx(graph, centredOnnx(graph, features, mean), rowsOnnx(graph, rows), 1);
  return scoreByMapsOnnx(graph, distances, sizes, settings);
}
