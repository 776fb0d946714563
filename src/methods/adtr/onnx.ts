/**
 * A trained ADTR as ONNX nodes: the counterpart of fitted.ts.
 *
 * @module
 */
import { InputError } from "../../errors.ts";
import type { OnnxGraph, OnnxValue } from "../../formats/onnx.ts";
import { adtrOnnx } from "../../model/adtr_onnx.ts";
import { lengths, linear } from "../../model/onnx.ts";
import { whitening } from "../../model/whitening.ts";
import { scoreByMapsOnnx } from "../maps_onnx.ts";
import type { OnnxScores, ScoreSettings } from "../method.ts";
import { positionDistancesOnnx } from "../position_gaussians_onnx.ts";
import type { AdtrState } from "./state.ts";

/** Maps and scores of features [B, N, C]. @throws {InputError} where the model has not what its score needs */
export function fittedOnnx(
  graph: OnnxGraph,
  { config, parameters, normalisation, covariance, positions }: AdtrState,
  features: OnnxValue,
  settings: ScoreSettings,
): OnnxScores {
  const { C, H, W } = config;
  let x = features;
  if (normalisation) {
    const { mean, deviation } = normalisation;
    x = graph.node("Sub", [x, graph.floats(mean, [H * W, C])]);
    x = graph.node("Div", [x, graph.floats(deviation)]);
  }
  const d = graph.node("Sub", [adtrOnnx(graph, config, parameters, x), x]);
  const need = <T>(found: T | null): T => {
    if (found) return found;
    throw new InputError(
      `Expected a model with what the score ${settings.score} needs, but found it missing`,
    );
  };
  const s = settings.score === "residual-padim"
    ? positionDistancesOnnx(graph, d, need(positions), C)
    : settings.score === "residual-mahalanobis"
    ? lengths(graph, linear(graph, d, whitening(need(covariance), C), [C, C]))
    : lengths(graph, d);
  return scoreByMapsOnnx(graph, s, config, settings);
}
