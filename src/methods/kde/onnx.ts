/**
 * `kde` as ONNX nodes.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../../formats/onnx.ts";
import { linear, unsqueezed } from "../../model/onnx.ts";
import type { HostTensor } from "../../optim/parameters.ts";
import type { OnnxScores } from "../method.ts";

/** What a model file has. */
interface Values {
  mean: Float32Array<ArrayBuffer>;
  /** [d, P] */
  components: HostTensor;
  /** [images, d] */
  points: HostTensor;
  bandwidth: number;
}

/** −log p of whole images' features [B, P]; the nearest point's kernel is taken out of the sum of all, as 1. */
export function kdeOnnx(
  graph: OnnxGraph,
  { mean, components, points, bandwidth }: Values,
  pooled: OnnxValue,
): OnnxScores {
  const [d, P] = components.shape, [images] = points.shape;
  const centred = graph.node("Sub", [pooled, graph.floats(mean)]);
  const y = unsqueezed(graph, linear(graph, centred, components.data, [d, P]), 1); // [B, 1, d]
  const apart = graph.node("Sub", [y, graph.floats(points.data, [images, d])]);
  const squares = graph.node("ReduceSumSquare", [apart], { axes: [2], keepdims: 0 }); // [B, images]
  const exponents = graph.node("Mul", [squares, graph.scalar(1 / (2 * bandwidth ** 2))]);
  const least = graph.node("ReduceMin", [exponents], { axes: [1], keepdims: 1 });
  const kernels = graph.node("Exp", [graph.node("Sub", [least, exponents])]);
  const density = graph.node("Log", [graph.node("ReduceMean", [kernels], { axes: [1], keepdims: 1 })]);
  const constant = d * (Math.log(bandwidth) + Math.log(2 * Math.PI) / 2);
  const score = graph.node("Add", [graph.node("Sub", [least, density]), graph.scalar(constant)]);
  return { map: null, score: graph.reshape(score, [-1]) };
}
