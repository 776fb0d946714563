/**
 * The program's version, as deno.json has it.
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };

/** Semantic version. */
export const VERSION: string = manifest.version;
