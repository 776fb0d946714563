/**
 * EfficientNets' weights from a file under any of the namings of docs/method.md §2, each BatchNorm folded into the
 * convolution before it.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { EfficientNetWeights, MBConv, Padding } from "./efficientnet.ts";
import { fold, type Source, tensorNames } from "./fold.ts";
import { requireNetwork } from "./recognise.ts";
import type { TensorFile } from "../formats/tensor_file.ts";

/** Names of backbones made of an EfficientNet. */
export type EfficientNetName = "efficientnet_b0" | "efficientnet_b4" | "tf_efficientnet_b4";

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

/** EfficientNet-B4's first convolution. */
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

/** A network's shape. */
interface Shape {
  network: string;
  stem: typeof STEM;
  stages: readonly Stage[];
  /** TF SAME computed for the images that it was made for. */
  nominal: Padding;
}

const B4: Shape = { network: "EfficientNet-B4", stem: STEM, stages: STAGES, nominal: "same380" };
const SHAPES: Record<EfficientNetName, Shape> = {
  efficientnet_b0: {
    network: "EfficientNet-B0",
    stem: { ...STEM, out: 32 },
    stages: [
      { blocks: 1, kernel: 3, stride: 1, expand: 1, out: 16 },
      { blocks: 2, kernel: 3, stride: 2, expand: 6, out: 24 },
      { blocks: 2, kernel: 5, stride: 2, expand: 6, out: 40 },
      { blocks: 3, kernel: 3, stride: 2, expand: 6, out: 80 },
      { blocks: 3, kernel: 5, stride: 1, expand: 6, out: 112 },
      { blocks: 4, kernel: 5, stride: 2, expand: 6, out: 192 },
      { blocks: 1, kernel: 3, stride: 1, expand: 6, out: 320 },
    ],
    nominal: "same224",
  },
  efficientnet_b4: B4,
  tf_efficientnet_b4: B4,
};

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
  padding: "symmetric" | "same" | "nominal";
  epsilon: number;
  stem: Pair;
  /** What the names of all tensors in blocks begin with. */
  blocks: RegExp;
  /** @param n the block's number among all blocks, where i is that within its stage */
  block(stage: number, i: number, n: number): BlockNames;
}

const NAMINGS: Record<NamingName, Naming> = {
  timm: {
    padding: "symmetric",
    epsilon: 1e-5,
    stem: ["conv_stem", "bn1"],
    blocks: /^blocks\.\d+\.\d+\./,
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
    padding: "nominal",
    epsilon: 1e-3,
    stem: ["_conv_stem", "_bn0"],
    blocks: /^_blocks\.\d+\./,
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
    blocks: /^features\.\d+\.\d+\.block\./,
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

/** A block with the sources of its layers in their place. */
type BlockSources =
  & Pick<MBConv, "stage" | "stride" | "skip">
  & Record<"depthwise" | "reduce" | "excite" | "project", Source>
  & { expand: Source | null };

/** A network, layer by layer, under the names of a naming. */
function plan({ stem, stages }: Shape, naming: Naming): { stem: Source; blocks: BlockSources[] } {
  const [conv, norm] = naming.stem;
  const blocks: BlockSources[] = [];
  let C = stem.out;
  stages.forEach(({ blocks: count, kernel, stride: first, expand, out }, stage) => {
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
  return { stem: { conv, norm, ...stem }, blocks };
}

/**
 * The weights in a file, which may hold more than they.
 *
 * @param backbone `tf_efficientnet_b4` reads timm's names as the weights ported from TensorFlow
 * @throws {InputError} where the file holds another network, the naming is not the backbone's, tensors are missing, of
 * another shape or not finite, or variances are negative
 */
export function loadEfficientNet(file: TensorFile, backbone: EfficientNetName): EfficientNetWeights {
  const found = namingOf(file);
  const tensorflow = backbone === "tf_efficientnet_b4";
  if (tensorflow && found && found !== "timm") {
    throw new InputError(
      `Expected timm's names in ${file.path} for ${backbone}, but found those of ${found}`,
    );
  }
  const naming = tensorflow ? { ...NAMINGS.timm, ...TENSORFLOW } : NAMINGS[found ?? "timm"];
  const shape = SHAPES[backbone], { stem, blocks } = plan(shape, naming);
  const layers = blocks.flatMap(({ expand, depthwise, reduce, excite, project }) =>
    [expand, depthwise, reduce, excite, project].filter((layer) => layer !== null)
  );
  requireNetwork(file, {
    network: shape.network,
    namedAs: found ?? Object.keys(NAMINGS).join(", "),
    names: [stem, ...layers].flatMap(tensorNames),
    block: naming.blocks,
  });
  const read = (source: Source) => fold(file, source, naming.epsilon);
  return {
    padding: naming.padding === "nominal" ? shape.nominal : naming.padding,
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

/** Whose names the tensors of a file's blocks have; undefined where nobody's. */
export function namingOf({ tensors }: TensorFile): NamingName | undefined {
  const names = [...tensors.keys()];
  const named = ([, { blocks }]: [string, Naming]) => names.some((name) => blocks.test(name));
  return Object.entries(NAMINGS).find(named)?.[0] as NamingName | undefined;
}
