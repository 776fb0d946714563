/**
 * `spade` as ONNX nodes: each image is held against a bank of its own, the patches of its nearest training images.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../../formats/onnx.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import { unsqueezed } from "../../model/onnx.ts";
import type { HostBank } from "../bank.ts";
import { centredOnnx, nearestOnnx, type RowsOnnx, rowsOnnx, squaredLengths } from "../bank_onnx.ts";
import { mapsOnnx, scoresOnnx } from "../maps_onnx.ts";
import type { OnnxFeatures, OnnxScores, ScoreSettings } from "../method.ts";

/** Maps and scores. */
export function spadeOnnx(
  graph: OnnxGraph,
  sizes: FeatureSizes,
  { patches, images }: { patches: HostBank; images: HostBank },
  { features, pooled }: OnnxFeatures,
  settings: ScoreSettings,
): OnnxScores {
  const count = images.rows.shape[0], K = Math.min(settings.neighbours as number, count);
  const whole = unsqueezed(graph, centredOnnx(graph, pooled!, images.mean), 1); // [B, 1, P]
  const found = nearestOnnx(graph, whole, rowsOnnx(graph, images.rows), K);
  const gallery = K === count
    ? rowsOnnx(graph, patches.rows)
    : galleryOf(graph, sizes, patches, found.rows, K);
  const { distances } = nearestOnnx(graph, centredOnnx(graph, features, patches.mean), gallery, 1);
  const map = mapsOnnx(graph, distances, sizes, settings);
  const score = settings.image_rule === "map"
    ? scoresOnnx(graph, map, settings)
    : graph.node("ReduceMean", [found.distances], { axes: [1, 2], keepdims: 0 });
  return { map, score };
}

/** The patches of training images [B, 1, K], for each image. */
function galleryOf(
  graph: OnnxGraph,
  { C, H, W }: FeatureSizes,
  { rows: { data, shape: [count] } }: HostBank,
  neighbours: OnnxValue,
  K: number,
): RowsOnnx {
  const N = H * W, images = count / N, of = graph.reshape(neighbours, [-1, K]);
  const rows = graph.node("Gather", [graph.floats(data, [images, N, C]), of], { axis: 0 }); // [B, K, N, C]
  const squares = graph.node("Gather", [graph.floats(squaredLengths(data, C), [images, N]), of], { axis: 0 });
  return {
    rows: graph.reshape(rows, [-1, K * N, C]),
    squares: graph.reshape(squares, [-1, 1, K * N]),
    count: K * N,
    own: true,
  };
}
