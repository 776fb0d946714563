/**
 * A Gaussian at each position as ONNX nodes: the counterpart of position_gaussians.ts.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import { lengths } from "../model/onnx.ts";

/**
 * Mahalanobis distances ‖L⁻¹ (x − μ)‖ of x [B, N, d], [B, N].
 *
 * @param mean μ, [N, d]
 * @param inverses L⁻¹, [N, d, d]
 */
export function positionDistancesOnnx(
  graph: OnnxGraph,
  x: OnnxValue,
  { mean, inverses }: { mean: Float32Array<ArrayBuffer>; inverses: Float32Array<ArrayBuffer> },
  d: number,
): OnnxValue {
  const N = mean.length / d, centred = graph.node("Sub", [x, graph.floats(mean, [N, d])]);
  // A product at each position, of all images at once.
  const columns = graph.node("Transpose", [centred], { perm: [1, 2, 0] }); // [N, d, B]
  const white = graph.node("MatMul", [graph.floats(inverses, [N, d, d]), columns]);
  return graph.node("Transpose", [lengths(graph, white, 1)], { perm: [1, 0] });
}
