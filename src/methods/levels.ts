/**
 * Which levels of a backbone the methods beside ADTR take, unless told otherwise.
 *
 * @module
 */

/** All; of a ResNet those of the methods' papers, which leave out the last. @param resnet PatchCore's leaves out the first too */
export function levelsOf(backbone: string, resnet = "1,2,3"): string {
  return backbone.includes("resnet") ? resnet : "all";
}
