/**
 * A model as one ONNX graph, from the pixels of images to maps and scores (docs/onnx.md), made of a model file without any
 * GPU.
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import { describeRoi } from "../data/roi.ts";
import { InputError } from "../errors.ts";
import { OnnxGraph, type OnnxValue } from "../formats/onnx.ts";
import type { WeightFile } from "../formats/weight_file.ts";
import type { OnnxFeatures } from "../methods/method.ts";
import { type ModelFile, parseModel, scoringOnnx } from "../methods/model_file.ts";
import type { Projection } from "../methods/projection.ts";
import { WHOLE_IMAGES } from "../methods/resolve.ts";
import type { Settings } from "../methods/settings.ts";
import { backboneOnnx } from "../model/backbone_onnx.ts";
import type { BackboneName } from "../model/backbones.ts";
import { linear } from "../model/onnx.ts";
import { backboneOptions, checkSizes, projectionFor, settingsOf } from "./open_model.ts";

/** What a user of the graph has to do to images before. */
const PREPROCESSING = {
  channels: "RGB",
  layout: "NHWC",
  type: "uint8",
  resize: "bilinear with antialias, as Pillow's Image.resize((S, S), Image.BILINEAR)",
  normalisation: "in the graph",
};

/** How to export a model. */
export interface OnnxOptions {
  /** The weight file of its backbone; none where that is built in. */
  weights?: WeightFile;
}

/**
 * A model file as an ONNX model: input `images` u8 RGB [batch, S, S, 3], outputs `map` [batch, S, S] where the method has
 * maps, and `score` [batch].
 *
 * @param bytes a model file, as `Model.toBytes` and the command line's `train` make it
 * @param path what errors call the file
 * @throws {InputError} where it is damaged or no model, its method can't be exported or it does not look at whole,
 *   stretched images, the weights are missing, too much or not those that it was trained on, or what comes of it is too large for ONNX
 */
export async function exportOnnx(
  bytes: Uint8Array<ArrayBuffer>,
  options: OnnxOptions = {},
  path = "the model",
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks = await onnxChunks(parseModel(bytes, path), options);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * The parts of an ONNX file, one after the other: without a copy of them all.
 *
 * @throws {InputError} as {@linkcode exportOnnx} does
 */
export async function onnxChunks(
  file: ModelFile,
  { weights }: OnnxOptions = {},
): Promise<Uint8Array<ArrayBuffer>[]> {
  const settings = settingsOf(file), { method, info, decision, path } = file;
  for (const [name, value] of Object.entries(WHOLE_IMAGES)) {
    if (settings[name] === value) continue;
    throw new InputError(
      `Expected a model that looks at whole, stretched images to export, as a graph has neither cuts nor joins, but found ` +
        `${name} ${describeRoi(String(settings[name]))} in ${path}`,
    );
  }
  const S = settings.image_size, graph = new OnnxGraph();
  const images = graph.input({
    name: "images",
    type: "uint8",
    shape: ["batch", S, S, 3],
    about: `RGB images, resized to ${S}×${S}: ${PREPROCESSING.resize}`,
  });
  const features = await featuresOf(graph, images, file, settings, weights);
  const { map, score } = scoringOnnx(graph, file, features, settings);
  if (map !== null) {
    const about = "how anomalous each pixel is: larger is more";
    graph.output({ name: "map", type: "float", shape: ["batch", S, S], about }, map);
  }
  const about = "how anomalous the image is: larger is more";
  graph.output({ name: "score", type: "float", shape: ["batch"], about }, score);
  return graph.encode({
    producer: "adtr",
    version: manifest.version,
    metadata: {
      method: method.name,
      category: String(info.category ?? ""),
      decision: JSON.stringify(decision),
      preprocessing: JSON.stringify({ ...PREPROCESSING, size: S }),
      settings: JSON.stringify(settings),
      version: manifest.version,
    },
  });
}

/** What a model's method looks at, as score/features.ts makes it of images. */
async function featuresOf(
  graph: OnnxGraph,
  images: OnnxValue,
  file: ModelFile,
  settings: Settings,
  weights: WeightFile | undefined,
): Promise<OnnxFeatures> {
  const { backbone: name, image_size: S, feature_size: H } = settings;
  if (file.method.input === "pixels") {
    checkSizes(file, { C: 3, H: S, W: S, S }, "pixels");
    return { features: pixelsOf(graph, images, S), pooled: null, P: 0 };
  }
  const options = backboneOptions(settings);
  const backbone = await backboneOnnx(graph, images, name as BackboneName, weights ?? null, options);
  const projection = projectionFor(file, settings, backbone, weights);
  const C = projection ? settings.components : backbone.channels;
  checkSizes(file, { C, H, W: H, S }, backbone.name);
  const [features, pooled] = settings.feature_length === "unit"
    ? [unit(graph, backbone.features), unit(graph, backbone.pooled)]
    : [backbone.features, backbone.pooled];
  return {
    features: projection ? projected(graph, features, projection) : features,
    pooled,
    P: backbone.pooledChannels,
    ...file.method.input === "both" ? { pixels: pixelsOf(graph, images, S) } : {},
  };
}

/** Images in 0..1, [B, S · S, 3]. */
function pixelsOf(graph: OnnxGraph, images: OnnxValue, S: number): OnnxValue {
  return graph.reshape(graph.node("Div", [graph.asFloats(images), graph.scalar(255)]), [0, S * S, 3]);
}

/** Rows over their lengths; one of zeros stays. */
function unit(graph: OnnxGraph, x: OnnxValue): OnnxValue {
  const length = graph.node("ReduceL2", [x], { axes: [-1], keepdims: 1 });
  const isLong = graph.node("Greater", [length, graph.scalar(0)]);
  return graph.node("Div", [x, graph.node("Where", [isLong, length, graph.scalar(1)])]);
}

/** Features along the components. */
function projected(graph: OnnxGraph, x: OnnxValue, { mean, matrix }: Projection): OnnxValue {
  const C = mean.length, centred = graph.node("Sub", [x, graph.floats(mean)]);
  return linear(graph, centred, matrix, [matrix.length / C, C]);
}
