/**
 * `adtr export`: a model in forms that other programs run.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { addExportWeb } from "./export_web.ts";

/** Adds the commands, each from a file of its own. */
export function addExport(program: Command): void {
  const group = program.command("export").description("Writes a model in forms that other programs run.");
  addExportWeb(group);
}
