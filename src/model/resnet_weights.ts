/**
 * ResNets' weights from a file under the names that torchvision and timm share, each BatchNorm folded into the
 * convolution before it (docs/method.md §2).
 *
 * @module
 */
import type { ResNetDescription } from "./backbones.ts";
import { fold, type Source, sourceIn, tensorNames } from "./fold.ts";
import { requireNetwork } from "./recognise.ts";
import type { ResidualBlock, ResNetWeights } from "./resnet.ts";
import type { TensorFile } from "../formats/tensor_file.ts";

const EPSILON = 1e-5;

/** A block with the sources of its layers in their place. */
type BlockSources = Pick<ResidualBlock, "stage" | "stride"> & { convs: Source[]; downsample: Source | null };

/** The network, layer by layer. */
function plan(
  { blocks: counts, bottleneck, widen }: ResNetDescription,
): { stem: Source; blocks: BlockSources[] } {
  const blocks: BlockSources[] = [];
  let C = 64;
  counts.forEach((count, stage) => {
    const planes = 64 << stage, width = planes * widen, out = bottleneck ? 4 * planes : planes;
    for (let i = 0; i < count; i++) {
      const prefix = `layer${stage + 1}.${i}.`, stride = i === 0 && stage > 0 ? 2 : 1;
      const conv = (n: number, inputs: number, out: number, kernel: number): Source => ({
        conv: `${prefix}conv${n}`,
        norm: `${prefix}bn${n}`,
        out,
        in: inputs,
        kernel,
      });
      blocks.push({
        stage,
        stride,
        convs: bottleneck
          ? [conv(1, C, width, 1), conv(2, width, width, 3), conv(3, width, out, 1)]
          : [conv(1, C, width, 3), conv(2, width, out, 3)],
        downsample: stride === 1 && C === out
          ? null
          : { conv: `${prefix}downsample.0`, norm: `${prefix}downsample.1`, out, in: C, kernel: 1 },
      });
      C = out;
    }
  });
  return { stem: { conv: "conv1", norm: "bn1", out: 64, in: 3, kernel: 7 }, blocks };
}

/**
 * The weights in a file, which may hold more than they.
 *
 * @throws {InputError} where the file holds another network, tensors are missing, of another shape or not finite, or
 * variances are negative
 */
export function loadResNet(file: TensorFile, description: ResNetDescription): ResNetWeights {
  const { stem, blocks } = plan(description);
  const sources = [
    stem,
    ...blocks.flatMap(({ convs, downsample }) => downsample ? [...convs, downsample] : convs),
  ];
  requireNetwork(file, {
    network: description.network,
    namedAs: "torchvision and timm",
    names: sources.flatMap((source) => tensorNames(sourceIn(file, source))),
    block: /^layer\d+\./,
  });
  const read = (source: Source) => fold(file, sourceIn(file, source), EPSILON);
  return {
    stem: read(stem),
    blocks: blocks.map(({ stage, stride, convs, downsample }) => ({
      stage,
      stride,
      convs: convs.map(read),
      downsample: downsample && read(downsample),
    })),
  };
}
