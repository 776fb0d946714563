/** What a category of procedural pictures consists of. */
import type { Random } from "../../hash.ts";
import type { Material } from "./material.ts";
import type { Frame } from "./shapes.ts";
import type { Defect } from "./defects.ts";

/** A flaw in how the thing is built; the painter knows what it means. */
export interface Fault {
  readonly name: string;
  readonly random: Random;
}

/** A kind of thing to inspect. */
export interface Category {
  /**
   * Paints one specimen into a new material and returns its pose. It draws the same numbers from `random`
   * with and without a fault (a fault has its own), so that the specimen is the same but for the fault.
   */
  paint(m: Material, random: Random, fault?: Fault): Frame;
  /** Names of the faults that `paint` knows. */
  readonly faults: readonly string[];
  /** Flaws laid onto the painted material. */
  readonly flaws: Readonly<Record<string, Defect>>;
}
