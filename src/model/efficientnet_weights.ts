/**
 * EfficientNet-B4's weights from a file under any of the namings of docs/method.md §2, each BatchNorm folded into the
 * convolution before it: w' = w·γ/√(σ²+ε), b' = β − μ·γ/√(σ²+ε), in float64 and rounded once.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { EfficientNetWeights, FoldedConv, MBConv, Padding } from "./efficientnet.ts";
import { expectTensor, requireFinite, type TensorFile } from "./tensor_file.ts";

/** Names of backbones made of EfficientNet-B4. */
export type EfficientNetName = "efficientnet_b4" | "tf_efficientnet_b4";

/** Whose names a file's tensors have. */
export type NamingName = "timm" | "EfficientNet-PyTorch" | "torchvision";

/** A stage of MBConv blocks; the first block has its stride, all have its kernel, expansion and output channels. */
export interface Stage {
  blocks: number;
  kernel: number;
  stride: number;
  expand: number;
  out: number;
}

/** The first convolution. */
export const STEM = { out: 48, in: 3, kernel: 3 };
/** The seven stages behind it. */
export const STAGES: readonly Stage[] = [
  { blocks: 2, kernel: 3, stride: 1, expand: 1, out: 24 },
  { blocks: 4, kernel: 3, stride: 2, expand: 6, out: 32 },
  { blocks: 4, kernel: 5, stride: 2, expand: 6, out: 56 },
  { blocks: 6, kernel: 3, stride: 2, expand: 6, out: 112 },
  { blocks: 6, kernel: 5, stride: 1, expand: 6, out: 160 },
  { blocks: 8, kernel: 5, stride: 2, expand: 6, out: 272 },
  { blocks: 2, kernel: 3, stride: 1, expand: 6, out: 448 },
];

/** A convolution's name and its BatchNorm's. */
type Pair = readonly [conv: string, norm: string];

/** A block's names, without what comes before all of them. */
interface BlockNames {
  prefix: string;
  expand: Pair;
  depthwise: Pair;
  reduce: string;
  excite: string;
  project: Pair;
}

interface Naming {
  padding: Padding;
  epsilon: number;
  stem: Pair;
  /** @param n the block's number among all blocks, where i is that within its stage */
  block(stage: number, i: number, n: number): BlockNames;
}

const NAMINGS: Record<NamingName, Naming> = {
  timm: {
    padding: "symmetric",
    epsilon: 1e-5,
    stem: ["conv_stem", "bn1"],
    block: (stage, i) => ({
      prefix: `blocks.${stage}.${i}.`,
      expand: ["conv_pw", "bn1"],
      depthwise: ["conv_dw", stage === 0 ? "bn1" : "bn2"],
      reduce: "se.conv_reduce",
      excite: "se.conv_expand",
      project: stage === 0 ? ["conv_pw", "bn2"] : ["conv_pwl", "bn3"],
    }),
  },
  "EfficientNet-PyTorch": {
    padding: "same380",
    epsilon: 1e-3,
    stem: ["_conv_stem", "_bn0"],
    block: (_stage, _i, n) => ({
      prefix: `_blocks.${n}.`,
      expand: ["_expand_conv", "_bn0"],
      depthwise: ["_depthwise_conv", "_bn1"],
      reduce: "_se_reduce",
      excite: "_se_expand",
      project: ["_project_conv", "_bn2"],
    }),
  },
  torchvision: {
    padding: "symmetric",
    epsilon: 1e-5,
    stem: ["features.0.0", "features.0.1"],
    block(stage, i) {
      const first = stage === 0 ? 0 : 1; // where the block's layers begin without the expansion
      return {
        prefix: `features.${stage + 1}.${i}.block.`,
        expand: ["0.0", "0.1"],
        depthwise: [`${first}.0`, `${first}.1`],
        reduce: `${first + 1}.fc1`,
        excite: `${first + 1}.fc2`,
        project: [`${first + 2}.0`, `${first + 2}.1`],
      };
    },
  },
};
/** timm's ports of TensorFlow's weights, which have the names of its own. */
const TENSORFLOW = { padding: "same", epsilon: 1e-3 } as const;

/** Where a file has a convolution: weight [out, in / groups, kernel, kernel], and a BatchNorm, else a bias. */
interface Source {
  conv: string;
  norm: string | null;
  out: number;
  in: number;
  kernel: number;
  depthwise: boolean;
}

/** A block with the sources of its layers in their place. */
type BlockSources =
  & Pick<MBConv, "stage" | "stride" | "skip">
  & Record<"depthwise" | "reduce" | "excite" | "project", Source>
  & { expand: Source | null };

/** The network, layer by layer, under the names of a naming. */
function plan(naming: Naming): { stem: Source; blocks: BlockSources[] } {
  const [conv, norm] = naming.stem;
  const blocks: BlockSources[] = [];
  let C = STEM.out;
  STAGES.forEach(({ blocks: count, kernel, stride: first, expand, out }, stage) => {
    for (let i = 0; i < count; i++) {
      const { prefix, ...names } = naming.block(stage, i, blocks.length);
      const wide = C * expand, narrow = Math.floor(C / 4), stride = i === 0 ? first : 1;
      const source = (name: string | Pair, out: number, inputs: number, kernel = 1): Source => {
        const [conv, norm] = typeof name === "string" ? [name, null] : name;
        const depthwise = name === names.depthwise;
        return { conv: prefix + conv, norm: norm && prefix + norm, out, in: inputs, kernel, depthwise };
      };
      blocks.push({
        stage,
        stride,
        skip: stride === 1 && C === out,
        expand: expand === 1 ? null : source(names.expand, wide, C),
        depthwise: source(names.depthwise, wide, wide, kernel),
        reduce: source(names.reduce, narrow, wide),
        excite: source(names.excite, wide, narrow),
        project: source(names.project, out, wide),
      });
      C = out;
    }
  });
  return { stem: { conv, norm, ...STEM, depthwise: false }, blocks };
}

/** The names of all tensors that are read under a naming. */
function namesOf(naming: Naming): string[] {
  const { stem, blocks } = plan(naming);
  const layers = blocks.flatMap(({ expand, depthwise, reduce, excite, project }) =>
    [expand, depthwise, reduce, excite, project].filter((layer) => layer !== null)
  );
  return [stem, ...layers].flatMap(({ conv, norm }) =>
    norm
      ? [
        `${conv}.weight`,
        ...["weight", "bias", "running_mean", "running_var"].map((part) => `${norm}.${part}`),
      ]
      : [`${conv}.weight`, `${conv}.bias`]
  );
}

/**
 * The weights in a file, which may hold more than they.
 *
 * @param backbone `tf_efficientnet_b4` reads timm's names as the weights ported from TensorFlow
 * @throws {InputError} where the naming is not known or not the backbone's, tensors are missing, of another shape or not
 * finite, or variances are negative
 */
export function loadEfficientNet(file: TensorFile, backbone: EfficientNetName): EfficientNetWeights {
  const { path, tensors } = file;
  const name = namingOf(file);
  if (!name) {
    throw new InputError(
      `Expected EfficientNet-B4 weights in ${path}, named as in ${Object.keys(NAMINGS).join(", ")},\n` +
        `but found ${tensors.size} other tensors (${
          [...tensors.keys()].slice(0, 3).join(", ") || "none"
        }, …)`,
    );
  }
  const tensorflow = backbone === "tf_efficientnet_b4";
  if (tensorflow && name !== "timm") {
    throw new InputError(`Expected timm's names in ${path} for ${backbone}, but found those of ${name}`);
  }
  const naming = tensorflow ? { ...NAMINGS.timm, ...TENSORFLOW } : NAMINGS[name];
  const wanted = namesOf(naming), missing = wanted.filter((name) => !tensors.has(name));
  if (missing.length > 0) {
    throw new InputError(
      `Expected the ${wanted.length} tensors of EfficientNet-B4 in ${path}, named as in ${name}, but ` +
        `${missing.length} are missing:\n${missing.slice(0, 3).join(", ")}${missing.length > 3 ? ", …" : ""}`,
    );
  }
  const { stem, blocks } = plan(naming);
  const read = (source: Source) => fold(file, source, naming.epsilon);
  return {
    padding: naming.padding,
    stem: read(stem),
    blocks: blocks.map((block) => ({
      stage: block.stage,
      stride: block.stride,
      skip: block.skip,
      expand: block.expand && read(block.expand),
      depthwise: read(block.depthwise),
      reduce: read(block.reduce),
      excite: read(block.excite),
      project: read(block.project),
    })),
  };
}

/** Whose names a file's tensors have, judged by the most that are there; undefined where none is. */
export function namingOf({ tensors }: TensorFile): NamingName | undefined {
  const present = ([, naming]: [string, Naming]) =>
    namesOf(naming).filter((name) => tensors.has(name)).length;
  const [best] = Object.entries(NAMINGS).sort((a, b) => present(b) - present(a));
  return present(best) > 0 ? best[0] as NamingName : undefined;
}

/** A convolution of the file with its BatchNorm folded in, where it has one. */
function fold(file: TensorFile, source: Source, epsilon: number): FoldedConv {
  const { conv, norm, out, in: inputs, kernel, depthwise } = source;
  const weight = expectTensor(file, `${conv}.weight`, [out, depthwise ? 1 : inputs, kernel, kernel]);
  const layer = { out, in: inputs, kernel };
  if (!norm) return { weight, bias: expectTensor(file, `${conv}.bias`, [out]), ...layer };

  const [gain, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
    .map((part) => expectTensor(file, `${norm}.${part}`, [out]));
  const negative = variance.find((value) => value < 0);
  if (negative !== undefined) {
    throw new InputError(
      `Expected variances of at least 0 in ${norm}.running_var of ${file.path}, but found ${negative}`,
    );
  }
  const bias = new Float32Array(out), perOutput = weight.length / out;
  for (let o = 0; o < out; o++) {
    const scale = gain[o] / Math.sqrt(variance[o] + epsilon);
    bias[o] = shift[o] - mean[o] * scale;
    for (let i = o * perOutput; i < (o + 1) * perOutput; i++) weight[i] *= scale;
  }
  requireFinite(weight, `${conv}.weight with ${norm}`, file.path);
  requireFinite(bias, `${norm}.bias with ${norm}.running_mean`, file.path);
  return { weight, bias, ...layer };
}
