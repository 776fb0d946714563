/**
 * The backbones by name, each as a description: what its network is made of, whose names its weight files have, how
 * images are brought to it. To add one is to add an entry.
 *
 * @module
 */
import type { Act } from "../kernels/conv/act.ts";
import type { Padding } from "./efficientnet.ts";

/** How the bytes of an image become a network's input: (v / scale − mean) / deviation, by channel. */
export interface Input {
  scale: number;
  mean: readonly [number, number, number];
  deviation: readonly [number, number, number];
}

/** A stage of MBConv blocks; the first block has its stride, all have its kernel, expansion and output channels. */
export interface Stage {
  blocks: number;
  kernel: number;
  stride: number;
  expand: number;
  out: number;
}

/** Whose names a weight file's tensors have. */
export type NamingName = "timm" | "EfficientNet-PyTorch" | "torchvision";

/** What all descriptions say. */
interface Common {
  /** Where weights come from: a file, with this project unless a file is given, or there are none. */
  weights: "file" | "bundled" | "none";
  /** The levels to take unless a user or a method says otherwise: `all`, or some as `2,3`. */
  levels: string;
  /** How ADTR normalises these features unless a user says otherwise (docs/method.md §9). */
  feature_norm: "none" | "position";
}

/** A stem, stages of MBConv blocks, and which of them are the levels. */
export interface EfficientNetDescription extends Common {
  family: "efficientnet";
  /** As its paper calls it. */
  network: string;
  /** Output channels of the first convolution, 3×3 with stride 2. */
  stem: number;
  stages: readonly Stage[];
  /** The stages that are levels, from 0 on. */
  taps: readonly number[];
  /** Follows every convolution but the blocks' last. */
  act: Act;
  squeezeExcite: boolean;
  input: Input;
  /** For each naming that is read, how its implementation pads and BatchNorm's ε. */
  namings: Partial<Record<NamingName, { padding: Padding; epsilon: number }>>;
}

/** Four stages of residual blocks, each a level. */
export interface ResNetDescription extends Common {
  family: "resnet";
  /** As its paper calls it. */
  network: string;
  /** Blocks of `layer1` to `layer4`. */
  blocks: readonly number[];
  /** Whether a block is 1×1, 3×3, 1×1 with four times 64, 128, 256, 512 channels out, rather than two of 3×3. */
  bottleneck: boolean;
  /** How many times 64, 128, 256, 512 channels the 3×3 convolutions have. */
  widen: number;
  input: Input;
}

/** Groups of 3×3 convolutions, a maximum over 2×2 behind each, which is a level. */
export interface VggDescription extends Common {
  family: "vgg";
  /** As its paper calls it. */
  network: string;
  /** Of each group: how many convolutions it has, and their channels. */
  groups: readonly { convs: number; out: number }[];
  /** Whether BatchNorm follows each convolution, which has a bias all the same. */
  norm: boolean;
  input: Input;
}

/** Features that are computed without learned weights. */
export interface BuiltInDescription extends Common {
  family: "built in";
  weights: "none";
}

/** What a backbone is. */
export type BackboneDescription =
  | EfficientNetDescription
  | ResNetDescription
  | VggDescription
  | BuiltInDescription;

/** What torchvision and timm train on. */
export const IMAGENET: Input = { scale: 255, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

/** EfficientNet-B0's stages: blocks, kernel, stride, expansion, channels. */
const B0 = [[1, 3, 1, 1, 16], [2, 3, 2, 6, 24], [2, 5, 2, 6, 40], [3, 3, 2, 6, 80], [3, 5, 1, 6, 112], [
  4,
  5,
  2,
  6,
  192,
], [1, 3, 1, 6, 320]];

/**
 * EfficientNet-B0's stages with `width` times the channels, in multiples of 8, and `depth` times the blocks.
 *
 * @param ends whether the first and the last stage get more blocks too: they don't in EfficientNet-Lite
 */
export function scaled(width: number, depth: number, ends = true): Stage[] {
  return B0.map(([blocks, kernel, stride, expand, out], i) => ({
    blocks: ends || i > 0 && i < B0.length - 1 ? Math.ceil(blocks * depth) : blocks,
    kernel,
    stride,
    expand,
    out: Math.floor((out * width + 4) / 8) * 8,
  }));
}

const FILE = { weights: "file", levels: "all", feature_norm: "none" } as const;

const EFFICIENTNET = {
  ...FILE,
  family: "efficientnet",
  taps: [0, 1, 2, 4, 6],
  act: "silu",
  squeezeExcite: true,
  input: IMAGENET,
} as const;
/** EfficientNet-PyTorch pads as TensorFlow does for images of the size that the network was made for. */
const namings = (size: number): EfficientNetDescription["namings"] => ({
  timm: { padding: "symmetric", epsilon: 1e-5 },
  "EfficientNet-PyTorch": { padding: size, epsilon: 1e-3 },
  torchvision: { padding: "symmetric", epsilon: 1e-5 },
});
/** EfficientNet-B4, what the paper takes. */
export const B4: EfficientNetDescription = {
  ...EFFICIENTNET,
  network: "EfficientNet-B4",
  stem: 48,
  stages: scaled(1.4, 1.8),
  namings: namings(380),
};

/** EfficientNet-Lite (Liu 2020): no squeeze-excite, ReLU6, neither stem nor ends scaled; every stage is a level. */
const LITE = {
  ...EFFICIENTNET,
  stem: 32,
  taps: [0, 1, 2, 3, 4, 5, 6],
  act: "relu6",
  squeezeExcite: false,
  input: { scale: 1, mean: [127, 127, 127], deviation: [128, 128, 128] },
  levels: "3,5,6",
  feature_norm: "position",
} as const;
const lite = (size: number): EfficientNetDescription["namings"] => ({
  "EfficientNet-PyTorch": { padding: size, epsilon: 1e-3 },
});

const RESNET = { ...FILE, family: "resnet", bottleneck: false, widen: 1, input: IMAGENET } as const;
/** The five groups, with so many convolutions. */
const groups = (...convs: number[]): VggDescription["groups"] =>
  convs.map((convs, i) => ({ convs, out: [64, 128, 256, 512, 512][i] }));
const VGG = { ...FILE, family: "vgg", input: IMAGENET } as const;
const BUILT_IN = { family: "built in", weights: "none", levels: "all" } as const;

/** The name of a backbone. */
export type BackboneName =
  | "efficientnet_b4"
  | "tf_efficientnet_b4"
  | "efficientnet_b0"
  | "efficientnet_lite0"
  | "efficientnet_lite1"
  | "efficientnet_lite2"
  | "resnet18"
  | "resnet34"
  | "wide_resnet50_2"
  | "vgg11_bn"
  | "vgg16"
  | "gabor"
  | "gabor2"
  | "pixels";

/** All of them. */
export const BACKBONES: Readonly<Record<BackboneName, BackboneDescription>> = {
  efficientnet_b4: B4,
  tf_efficientnet_b4: { ...B4, namings: { timm: { padding: "same", epsilon: 1e-3 } } }, // TensorFlow's weights, ported by timm
  efficientnet_b0: {
    ...EFFICIENTNET,
    network: "EfficientNet-B0",
    stem: 32,
    stages: scaled(1, 1),
    namings: namings(224),
  },
  efficientnet_lite0: {
    ...LITE,
    network: "EfficientNet-Lite0",
    stages: scaled(1, 1, false),
    namings: lite(224),
    weights: "bundled",
  },
  efficientnet_lite1: {
    ...LITE,
    network: "EfficientNet-Lite1",
    stages: scaled(1, 1.1, false),
    namings: lite(240),
  },
  efficientnet_lite2: {
    ...LITE,
    network: "EfficientNet-Lite2",
    stages: scaled(1.1, 1.2, false),
    namings: lite(260),
  },
  resnet18: { ...RESNET, network: "ResNet-18", blocks: [2, 2, 2, 2] },
  resnet34: { ...RESNET, network: "ResNet-34", blocks: [3, 4, 6, 3] },
  wide_resnet50_2: {
    ...RESNET,
    network: "Wide ResNet-50-2",
    blocks: [3, 4, 6, 3],
    bottleneck: true,
    widen: 2,
  },
  vgg11_bn: { ...VGG, network: "VGG-11 with BatchNorm", groups: groups(1, 1, 2, 2, 2), norm: true },
  vgg16: { ...VGG, network: "VGG-16", groups: groups(2, 2, 3, 3, 3), norm: false },
  gabor: { ...BUILT_IN, feature_norm: "position" },
  gabor2: { ...BUILT_IN, feature_norm: "position" },
  pixels: { ...BUILT_IN, feature_norm: "none" },
};

/** Their names. */
export const BACKBONE_NAMES: readonly BackboneName[] = Object.keys(BACKBONES) as BackboneName[];
