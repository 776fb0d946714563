/** All categories by name. */
import { bottle } from "./bottle.ts";
import { capsule } from "./capsule.ts";
import type { Category } from "./category.ts";
import { chip } from "./chip.ts";
import { gear } from "./gear.ts";
import { screw } from "./screw.ts";
import { leather, tile, wood } from "./sheets.ts";
import { grid, weave } from "./woven.ts";

/** Textures first, then objects. */
export const categories: Readonly<Record<string, Category>> = {
  weave,
  grid,
  wood,
  leather,
  tile,
  bottle,
  chip,
  gear,
  capsule,
  screw,
};
