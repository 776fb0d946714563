/**
 * Which levels of a backbone the methods beside ADTR take, unless told otherwise.
 *
 * @module
 */
import { type BackboneName, BACKBONES } from "../model/backbones.ts";

/**
 * Of a ResNet the levels that the methods' papers take, which leave out the last; of others what is usual.
 *
 * @param resnet of PatchCore's paper, which leaves out the first too
 */
export function levelsOf(backbone: string, resnet = "1,2,3"): { levels?: string } {
  return BACKBONES[backbone as BackboneName].family === "resnet" ? { levels: resnet } : {};
}
