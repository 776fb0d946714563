/**
 * Which network a weight file holds, judged by names and shapes. A network's tensors are often among those of a larger
 * one of its family, of the same shapes: that they are there does not tell.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { TensorFile } from "../formats/tensor_file.ts";

/** By number of blocks, convolutions a block, and the shape of the first block's second convolution. */
const RESNETS: Record<string, string> = {
  "8 2 64×64": "ResNet-18",
  "16 2 64×64": "ResNet-34",
  "16 3 64×64": "ResNet-50",
  "16 3 128×128": "Wide ResNet-50-2",
  "16 3 128×4": "ResNeXt-50-32x4d",
  "33 3 64×64": "ResNet-101",
  "33 3 128×128": "Wide ResNet-101-2",
  "33 3 256×8": "ResNeXt-101-32x8d",
  "50 3 64×64": "ResNet-152",
};
const RESNET_BLOCK = /^layer[1-4]\.\d+\.conv1\.weight$/;

/** By number of blocks and the largest width in one. */
const EFFICIENTNETS: Record<string, string> = {
  "16 1152": "EfficientNet-B0",
  "23 1920": "EfficientNet-B1",
  "23 2112": "EfficientNet-B2",
  "26 2304": "EfficientNet-B3",
  "32 2688": "EfficientNet-B4",
  "39 3072": "EfficientNet-B5",
  "45 3456": "EfficientNet-B6",
  "55 3840": "EfficientNet-B7",
};
/** A block's squeezing convolution as timm, EfficientNet-PyTorch and torchvision call it. */
const EFFICIENTNET_BLOCK =
  /^(blocks\.\d+\.\d+\.se\.conv_reduce|_blocks\.\d+\._se_reduce|features\.\d+\.\d+\.block\.\d+\.fc1)\.weight$/;

/** The network that a file's tensors look like, such as `ResNet-50`; undefined where it is none of those known here. */
export function networkOf({ tensors }: TensorFile): string | undefined {
  const found = [...tensors].filter(([name]) => EFFICIENTNET_BLOCK.test(name));
  if (found.length > 0) {
    const widest = Math.max(...found.map(([, { shape }]) => shape[1]));
    return EFFICIENTNETS[`${found.length} ${widest}`];
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
