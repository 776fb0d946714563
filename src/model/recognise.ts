/**
 * Which network a weight file holds, judged by names and shapes. A network's tensors are often among those of a larger
 * one of its family, of the same shapes: that they are there does not tell.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { TensorFile } from "../formats/tensor_file.ts";
import { BACKBONES } from "./backbones.ts";

/** ResNets by number of blocks, convolutions a block, and the shape of the first block's second convolution. */
const RESNETS: Record<string, string> = {
  "16 3 64×64": "ResNet-50",
  "16 3 128×4": "ResNeXt-50-32x4d",
  "33 3 64×64": "ResNet-101",
  "33 3 128×128": "Wide ResNet-101-2",
  "33 3 256×8": "ResNeXt-101-32x8d",
  "50 3 64×64": "ResNet-152",
};
/** VGGs by number of convolutions, and whether there is BatchNorm. */
const VGGS: Record<string, string> = {};
for (const [convs, network] of [[8, "VGG-11"], [10, "VGG-13"], [13, "VGG-16"], [16, "VGG-19"]]) {
  VGGS[`${convs}`] = `${network}`;
  VGGS[`${convs} norm`] = `${network} with BatchNorm`;
}
const VGG_LAYER = /^features\.\d+\.(weight|running_mean)$/;
const RESNET_BLOCK = /^layer[1-4]\.\d+\.conv1\.weight$/;

/** Networks of MBConv blocks by number of blocks, the largest width in one, and whether there is squeeze-excite. */
const EFFICIENTNETS: Record<string, string> = {
  "23 1920 se": "EfficientNet-B1",
  "23 2112 se": "EfficientNet-B2",
  "26 2304 se": "EfficientNet-B3",
  "39 3072 se": "EfficientNet-B5",
  "45 3456 se": "EfficientNet-B6",
  "55 3840 se": "EfficientNet-B7",
  "24 1392": "EfficientNet-Lite3",
  "30 1632": "EfficientNet-Lite4",
};
for (const description of Object.values(BACKBONES)) {
  if (description.family === "resnet") {
    const { network, blocks, bottleneck, widen } = description, width = 64 * widen;
    RESNETS[`${blocks.reduce((a, b) => a + b)} ${bottleneck ? 3 : 2} ${width}×${width}`] = network;
  } else if (description.family === "efficientnet") {
    const { network, stages, stem, squeezeExcite } = description;
    const widths = stages.flatMap(({ blocks, expand, out }, i) => [
      expand * (stages[i - 1]?.out ?? stem),
      blocks > 1 ? expand * out : 0,
    ]);
    const blocks = stages.reduce((sum, { blocks }) => sum + blocks, 0);
    EFFICIENTNETS[`${blocks} ${Math.max(...widths)}${squeezeExcite ? " se" : ""}`] = network;
  }
}
/** A block's depthwise convolution as timm, EfficientNet-PyTorch and torchvision call it, and a squeezing one. */
const DEPTHWISE =
  /^(blocks\.\d+\.\d+\.conv_dw|_blocks\.\d+\._depthwise_conv|features\.\d+\.\d+\.block\.[01]\.0)\.weight$/;
const SQUEEZE =
  /^(blocks\.\d+\.\d+\.se\.conv_reduce|_blocks\.\d+\._se_reduce|features\.\d+\.\d+\.block\.\d+\.fc1)\.weight$/;

/** The network that a file's tensors look like, such as `ResNet-50`; undefined where it is none of those known here. */
export function networkOf({ tensors }: TensorFile): string | undefined {
  const found = [...tensors].filter(([name, { shape }]) => DEPTHWISE.test(name) && shape[1] === 1);
  if (found.length > 0) {
    const widest = Math.max(...found.map(([, { shape }]) => shape[0]));
    const squeezes = [...tensors.keys()].some((name) => SQUEEZE.test(name));
    return EFFICIENTNETS[`${found.length} ${widest}${squeezes ? " se" : ""}`];
  }
  const layers = [...tensors].filter(([name]) => VGG_LAYER.test(name));
  const convs = layers.filter(([, { shape }]) => shape.length === 4 && shape[2] === 3).length;
  if (convs > 0) {
    return VGGS[`${convs}${layers.some(([name]) => name.endsWith("running_mean")) ? " norm" : ""}`];
  }
  const blocks = [...tensors.keys()].filter((name) => RESNET_BLOCK.test(name)).length;
  const [out, inputs] = tensors.get("layer1.0.conv2.weight")?.shape ?? [];
  return RESNETS[`${blocks} ${tensors.has("layer1.0.conv3.weight") ? 3 : 2} ${out}×${inputs}`];
}

/** What a file has to hold. */
export interface Expected {
  /** The network, as {@linkcode networkOf} calls it. */
  network: string;
  /** Whose names the tensors have. */
  namedAs: string;
  /** The names of all tensors that are read. */
  names: readonly string[];
  /** What names of tensors within blocks begin with: there must be no others than those that are read. */
  block: RegExp;
}

/**
 * Checks that a file holds a network, whole, and not a larger one.
 *
 * @throws {InputError} which says what it looks like, or which tensors are missing or too many
 */
export function requireNetwork(file: TensorFile, { network, namedAs, names, block }: Expected): void {
  const { path, tensors } = file;
  const found = networkOf(file);
  if (found !== undefined && found !== network) {
    throw new InputError(`Expected ${network} weights in ${path}, but found what looks like ${found}`);
  }
  const missing = names.filter((name) => !tensors.has(name));
  if (missing.length === names.length) {
    throw new InputError(
      `Expected ${network} weights in ${path}, named as in ${namedAs},\n` +
        `but found ${tensors.size} other tensors (${some([...tensors.keys()]) || "none"}, …)`,
    );
  }
  if (missing.length > 0) {
    throw new InputError(
      `Expected the ${names.length} tensors of ${network} in ${path}, named as in ${namedAs}, but ` +
        `${missing.length} are missing:\n${some(missing)}${missing.length > 3 ? ", …" : ""}`,
    );
  }
  const wanted = new Set(names);
  const further = [...tensors.keys()].filter((name) =>
    block.test(name) && !wanted.has(name) && !name.endsWith("num_batches_tracked")
  );
  if (further.length > 0) {
    throw new InputError(
      `Expected ${network} in ${path} and nothing more in its blocks, but found ${further.length} further tensors:\n` +
        `${some(further)}${further.length > 3 ? ", …" : ""}`,
    );
  }
}

/** The first three names. */
function some(names: readonly string[]): string {
  return names.slice(0, 3).join(", ");
}
