/**
 * What makes maps and scores of features, whichever method it is: ADTR's `Detector`, or one of those beside it.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import type { ScoreOptions } from "../methods/adtr/detector.ts";
import type { FittedMethod, MethodScores } from "../methods/method.ts";
import { methods } from "../methods/registry.ts";

/** A trained model of any method. */
export interface Scorer {
  /** Whether it also looks at features of whole images. */
  readonly pooled: boolean;
  /** Whether it makes maps. */
  readonly maps: boolean;
  /**
   * Maps and scores of images.
   *
   * @param features [B, N, C] on the GPU; they stay the caller's
   * @param pooled of each image, [P], where `pooled` says so
   */
  score(features: Tensor, options: ScoreOptions, pooled?: readonly Float32Array[]): Promise<MethodScores>;
  /** Gives its memory back; it can't be used any more. */
  release(): void;
}

/** A fitted method as a scorer. */
export function methodScorer(fitted: FittedMethod): Scorer {
  const { pooled, maps } = methods[fitted.settings.method];
  return {
    pooled,
    maps,
    score: (features, options, pooled) => fitted.score(features, pooled, options),
    release: () => fitted.release(),
  };
}
