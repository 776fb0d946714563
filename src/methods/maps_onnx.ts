/**
 * From scores of positions to maps and image scores as ONNX nodes: the counterpart of maps.ts.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import type { FeatureSizes } from "../model/batches.ts";
import { alongAxes } from "../model/onnx.ts";
import { enlarged, POOL } from "./maps.ts";
import type { OnnxScores, ScoreSettings } from "./method.ts";

/** Scores s of positions [B, N] as maps [B, S, S]: enlarging and smoothing are one matrix product along each axis. */
export function mapsOnnx(
  graph: OnnxGraph,
  s: OnnxValue,
  { H, W }: FeatureSizes,
  settings: ScoreSettings,
): OnnxValue {
  const [rows, columns] = [H, W].map((side) => enlarged(side, settings));
  return alongAxes(graph, graph.reshape(s, [-1, H, W]), rows, columns);
}

/** Scores [B] of maps [B, S, S]: the mean, or the maximum after averaging over `window` × `window` pixels. */
export function scoresOnnx(
  graph: OnnxGraph,
  maps: OnnxValue,
  { image_score, image_size: S }: Pick<ScoreSettings, "image_score" | "image_size">,
  window = POOL,
): OnnxValue {
  if (image_score === "mean") return graph.node("ReduceMean", [maps], { axes: [1, 2], keepdims: 0 });
  const pooled = graph.node("AveragePool", [graph.reshape(maps, [-1, 1, S, S])], {
    kernel_shape: [window, window],
    strides: [1, 1],
  });
  return graph.node("ReduceMax", [pooled], { axes: [1, 2, 3], keepdims: 0 });
}

/** Maps and scores where a map decides about its image. */
export function scoreByMapsOnnx(
  graph: OnnxGraph,
  s: OnnxValue,
  sizes: FeatureSizes,
  settings: ScoreSettings,
  window = POOL,
): OnnxScores {
  const map = mapsOnnx(graph, s, sizes, settings);
  return { map, score: scoresOnnx(graph, map, settings, window) };
}
