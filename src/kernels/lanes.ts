/**
 * How threads share what they read, and the ways of reading and writing that texts of convolutions have.
 *
 * @module
 */
import type { Profile } from "../gpu/profile.ts";

/** By a subgroup, where a software adapter has them; on hardware they have not been tried. */
export type Sharing = "subgroups" | "software" | "hardware";

/** What a table of tiles is indexed by, and how many threads share. */
export function sharingOf({ kind, subgroup }: Profile): { sharing: Sharing; LANES: number } {
  return kind === "software" && subgroup > 0
    ? { sharing: "subgroups", LANES: subgroup }
    : { sharing: kind, LANES: 1 };
}

/** For each.ts: which of a text's blocks are there. Of x WIDTH channels are read at once, of others four or one. */
export function waysOf(LANES: number, WIDTH: number, byFour: boolean) {
  const shared = LANES > 1, wide = WIDTH > 1;
  return {
    ...{ shared: +shared, alone: +!shared, wide: +wide, narrow: +!wide },
    ...{ by_four: +byFour, one_by_one: +!byFour },
  };
}
