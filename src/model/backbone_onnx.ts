/**
 * A backbone as ONNX nodes, from the pixels of images to features: the counterpart of open_backbone.ts, backbone.ts, neck.ts
 * and pixels.ts. It needs no GPU.
 *
 * @module
 */
import type { TensorFile } from "../formats/tensor_file.ts";
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import { resized } from "./axis.ts";
import { type Backbone, takenLevels } from "./backbone.ts";
import { type BackboneName, BACKBONES, IMAGENET, type Input } from "./backbones.ts";
import { efficientNetOnnx } from "./efficientnet_onnx.ts";
import { gaborOnnx } from "./gabor_onnx.ts";
import { alongAxes, positionsOf } from "./onnx.ts";
import {
  type BackboneOptions,
  builtIn,
  efficientNetVersion,
  readNetwork,
  resNetVersion,
  vggVersion,
} from "./open_backbone.ts";
import { resNetOnnx } from "./resnet_onnx.ts";
import { vggOnnx } from "./vgg_onnx.ts";

/** A backbone in a graph. */
export interface OnnxBackbone extends Pick<Backbone, "name" | "channels" | "pooledChannels" | "fingerprint"> {
  /** [B, N, C] */
  readonly features: OnnxValue;
  /** [B, P], means over positions. */
  readonly pooled: OnnxValue;
}

/**
 * Adds a backbone to a graph.
 *
 * @param images u8 RGB [B, S, S, 3], S and H in the options
 * @throws {InputError} {SettingError} as `openBackbone` does
 */
export async function backboneOnnx(
  graph: OnnxGraph,
  images: OnnxValue,
  name: BackboneName,
  weights: TensorFile | null,
  options: BackboneOptions & { image_size: number; feature_size: number },
): Promise<OnnxBackbone> {
  const { image_size: S, feature_size: H } = options;
  if (BACKBONES[name].family === "built in") {
    const { channels, pooledChannels, fingerprint } = builtIn(name, weights, options);
    const features = name === "gabor" || name === "gabor2"
      ? positionsOf(graph, gaborOnnx(graph, name, images, S, H), channels)
      : patches(graph, normalised(graph, images, IMAGENET), H, S / H);
    const pooled = graph.node("ReduceMean", [features], { axes: [1], keepdims: 0 });
    return { name, channels, pooledChannels, fingerprint, features, pooled };
  }
  const network = await readNetwork(name, weights, options);
  const x = graph.node("Transpose", [normalised(graph, images, network.input)], { perm: [0, 3, 1, 2] });
  const [maps, version] = network.family === "resnet"
    ? [resNetOnnx(graph, network.weights, x, S), await resNetVersion(network.weights)]
    : network.family === "vgg"
    ? [vggOnnx(graph, network.weights, x, S), await vggVersion(network.weights)]
    : [efficientNetOnnx(graph, network.weights, x, S), await efficientNetVersion(network.weights)];
  const taken = takenLevels(name, maps.map(({ channels }) => channels), version, network.levels);
  const levels = taken.levels.map((level) => {
    const { value, side } = maps[level - 1];
    return side === H ? value : alongAxes(graph, value, resized(side, H), resized(side, H));
  });
  const means = taken.pooledLevels.map((level) =>
    graph.node("Flatten", [graph.node("GlobalAveragePool", [maps[level - 1].value])], { axis: 1 })
  );
  return {
    name,
    channels: taken.channels,
    pooledChannels: taken.pooledChannels,
    fingerprint: taken.fingerprint,
    features: positionsOf(graph, graph.node("Concat", levels, { axis: 1 }), taken.channels),
    pooled: graph.node("Concat", means, { axis: 1 }),
  };
}

/** u8 RGB as what a network was trained on, each step rounded to float32: [B, S, S, 3]. */
function normalised(graph: OnnxGraph, images: OnnxValue, { scale, mean, deviation }: Input): OnnxValue {
  const scaled = graph.node("Div", [graph.asFloats(images), graph.scalar(scale)]);
  const centred = graph.node("Sub", [scaled, graph.floats(Float32Array.from(mean))]);
  return graph.node("Div", [centred, graph.floats(Float32Array.from(deviation))]);
}

/** Images [B, S, S, 3] as tokens [B, N, 3 · patch²] of H × H patches. */
function patches(graph: OnnxGraph, images: OnnxValue, H: number, patch: number): OnnxValue {
  const split = graph.reshape(images, [0, H, patch, H, patch, 3]);
  return graph.reshape(graph.node("Transpose", [split], { perm: [0, 1, 3, 2, 4, 5] }), [
    0,
    H * H,
    3 * patch ** 2,
  ]);
}
