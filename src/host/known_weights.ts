/**
 * The pretrained weights that can be fetched by name: where they are published and what their hash is.
 * The names of such files end in their SHA-256's first 8 digits, as PyTorch's hub wants it.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { download, type Downloaded, type DownloadOptions } from "./download.ts";
import type { BackboneName } from "../model/backbones.ts";

/** A published weight file. */
export interface KnownWeights {
  /** The name that it is fetched by. */
  name: string;
  /** Where it is published. */
  url: string;
  /**
   * Its SHA-256, 64 hexadecimal digits; or only the first 8, those in its name, where no more was published: they tell
   * damage and a mix-up, but not a file that somebody made to have them.
   */
  sha256: string;
  /** What it is to be loaded as. */
  backbone: BackboneName;
  /** How it was trained and how large it is, in a few words. */
  about: string;
  /** Its SPDX name. */
  licence: string;
}

const TORCHVISION = "https://download.pytorch.org/models/";
const TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/";

/** All that are known. The paper does not say which it used; its author's later code uses `lukemelas`. */
export const knownWeights: readonly KnownWeights[] = [
  {
    name: "lukemelas",
    url:
      "https://github.com/lukemelas/EfficientNet-PyTorch/releases/download/1.0/efficientnet-b4-6ed6700e.pth",
    sha256: "6ed6700e",
    backbone: "efficientnet_b4",
    about: "EfficientNet-PyTorch: TensorFlow's weights, ImageNet with AutoAugment, 380 pixels, 78 MB",
    licence: "Apache-2.0",
  },
  {
    name: "torchvision",
    url: `${TORCHVISION}efficientnet_b4_rwightman-23ab8bcd.pth`,
    sha256: "23ab8bcd5bdbef61a7a43b91adcad81f622fd7f36fb4935a569828d77888c44e",
    backbone: "efficientnet_b4",
    about: "torchvision: timm's weights renamed, ImageNet with RandAugment, 320 pixels, 78 MB",
    licence: "BSD-3-Clause",
  },
  {
    name: "timm",
    url: `${TIMM}efficientnet_b4_ra2_320-7eb33cd5.pth`,
    sha256: "7eb33cd5",
    backbone: "efficientnet_b4",
    about: "timm: ImageNet with RandAugment, 320 pixels, 78 MB",
    licence: "Apache-2.0",
  },
  {
    name: "timm-tf",
    url: `${TIMM}tf_efficientnet_b4_aa-818f208c.pth`,
    sha256: "818f208c",
    backbone: "tf_efficientnet_b4",
    about: "timm: TensorFlow's weights, ImageNet with AutoAugment, 380 pixels, 78 MB",
    licence: "Apache-2.0",
  },
  {
    name: "efficientnet_b0",
    url: `${TORCHVISION}efficientnet_b0_rwightman-7f5810bc.pth`,
    sha256: "7f5810bc96def8f7552d5b7e68d53c4786f81167d28291b21c0d90e1fca14934",
    backbone: "efficientnet_b0",
    about: "torchvision: timm's weights renamed, ImageNet, 224 pixels, 21 MB",
    licence: "BSD-3-Clause",
  },
  {
    name: "resnet18",
    url: `${TORCHVISION}resnet18-f37072fd.pth`,
    sha256: "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    backbone: "resnet18",
    about: "torchvision: ImageNet, 224 pixels, 47 MB",
    licence: "BSD-3-Clause",
  },
  {
    name: "resnet34",
    url: `${TORCHVISION}resnet34-b627a593.pth`,
    sha256: "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
    backbone: "resnet34",
    about: "torchvision: ImageNet, 224 pixels, 87 MB",
    licence: "BSD-3-Clause",
  },
  {
    name: "wide_resnet50_2",
    url: `${TORCHVISION}wide_resnet50_2-95faca4d.pth`,
    sha256: "95faca4d11227dddf8633dbb5ff6c8a9003c1aa5b8945c73834b8007b10950b8",
    backbone: "wide_resnet50_2",
    about: "torchvision: ImageNet (V1, the usual one of PaDiM, PatchCore and SPADE), 224 pixels, 138 MB",
    licence: "BSD-3-Clause",
  },
  {
    name: "vgg11_bn",
    url: `${TORCHVISION}vgg11_bn-6002323d.pth`,
    sha256: "6002323d",
    backbone: "vgg11_bn",
    about: "torchvision: ImageNet (FCDD's), 224 pixels, 532 MB with a classifier that is not used",
    licence: "BSD-3-Clause",
  },
  {
    name: "vgg16",
    url: `${TORCHVISION}vgg16-397923af.pth`,
    sha256: "397923af",
    backbone: "vgg16",
    about: "torchvision: ImageNet (KDAD's), 224 pixels, 553 MB with a classifier that is not used",
    licence: "BSD-3-Clause",
  },
];

/**
 * The known weight file of that name.
 *
 * @throws {InputError} where there is none, with the names that there are
 */
export function knownWeightsNamed(name: string): KnownWeights {
  const known = knownWeights.find((weights) => weights.name === name);
  if (known) return known;
  const names = knownWeights.map(({ name }) => name).join(", ");
  throw new InputError(`Expected one of ${names} as the weights to fetch, but found ${JSON.stringify(name)}`);
}

/**
 * Downloads known weights to `out`, unless they are there already, and checks their hash.
 *
 * @param options `url` another place that has the same file
 * @throws {InputError} where the name is not known, and as {@linkcode download} does
 */
export function fetchWeights(
  name: string,
  out: string,
  { url, ...options }: DownloadOptions & { url?: string } = {},
): Promise<Downloaded> {
  const known = knownWeightsNamed(name);
  return download(url ?? known.url, out, known.sha256, options);
}
