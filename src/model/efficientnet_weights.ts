/**
 * EfficientNets' weights from a file under any of the namings of docs/method.md §2, each BatchNorm folded into the
 * convolution before it.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { EfficientNetDescription, NamingName } from "./backbones.ts";
import type { EfficientNetWeights, MBConv } from "./efficientnet.ts";
import { fold, type Source, sourceIn, tensorNames } from "./fold.ts";
import { requireNetwork } from "./recognise.ts";
import type { TensorFile } from "../formats/tensor_file.ts";

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
  stem: Pair;
  /** What the names of all tensors in blocks begin with. */
  blocks: RegExp;
  /** @param n the block's number among all blocks, where i is that within its stage */
  block(stage: number, i: number, n: number): BlockNames;
}

const NAMINGS: Record<NamingName, Naming> = {
  timm: {
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
/** A block with the sources of its layers in their place. */
type BlockSources =
  & Pick<MBConv, "stage" | "stride" | "skip">
  & Record<"depthwise" | "project", Source>
  & Record<"expand" | "reduce" | "excite", Source | null>;

/** A network, layer by layer, under the names of a naming. */
function plan(network: EfficientNetDescription, naming: Naming): { stem: Source; blocks: BlockSources[] } {
  const { stem, stages, squeezeExcite } = network, [conv, norm] = naming.stem;
  const blocks: BlockSources[] = [];
  let C = stem;
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
        reduce: squeezeExcite ? source(names.reduce, narrow, wide) : null,
        excite: squeezeExcite ? source(names.excite, wide, narrow) : null,
        project: source(names.project, out, wide),
      });
      C = out;
    }
  });
  return { stem: { conv, norm, out: stem, in: 3, kernel: 3 }, blocks };
}

/**
 * The weights in a file, which may hold more than they.
 *
 * @param backbone what errors call what they are for
 * @throws {InputError} where the file holds another network, the naming is not one of those described, tensors are
 * missing, of another shape or not finite, or variances are negative
 */
export function loadEfficientNet(
  file: TensorFile,
  backbone: string,
  description: EfficientNetDescription,
): EfficientNetWeights {
  const found = namingOf(file), names = Object.keys(description.namings) as NamingName[];
  const naming = found ?? names[0], way = description.namings[naming];
  const { stem, blocks } = plan(description, NAMINGS[naming]);
  const layers = blocks.flatMap(({ expand, depthwise, reduce, excite, project }) =>
    [expand, depthwise, reduce, excite, project].filter((layer) => layer !== null)
  );
  requireNetwork(file, {
    network: description.network,
    namedAs: found ?? names.join(", "),
    names: [stem, ...layers].flatMap((source) => tensorNames(sourceIn(file, source))),
    block: NAMINGS[naming].blocks,
  });
  if (!way) {
    throw new InputError(
      `Expected the names of ${
        names.join(", ")
      } in ${file.path} for ${backbone}, but found those of ${naming}`,
    );
  }
  const read = (source: Source) => fold(file, sourceIn(file, source), way.epsilon);
  return {
    padding: way.padding,
    act: description.act,
    taps: description.taps,
    stem: read(stem),
    blocks: blocks.map(({ stage, stride, skip, expand, depthwise, reduce, excite, project }) => ({
      stage,
      stride,
      skip,
      expand: expand && read(expand),
      depthwise: read(depthwise),
      reduce: reduce && read(reduce),
      excite: excite && read(excite),
      project: read(project),
    })),
  };
}

/** Whose names the tensors of a file's blocks have; undefined where nobody's. */
export function namingOf({ tensors }: TensorFile): NamingName | undefined {
  const names = [...tensors.keys()];
  const named = ([, { blocks }]: [string, Naming]) => names.some((name) => blocks.test(name));
  return Object.entries(NAMINGS).find(named)?.[0] as NamingName | undefined;
}
