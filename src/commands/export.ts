/**
 * `adtr export`: a model in forms that other programs run.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { addExportOnnx } from "./export_onnx.ts";
import { addExportWeb } from "./export_web.ts";

/** Adds the commands, each from a file of its own. */
export function addExport(program: Command): void {
  const group = program.command("export").description("Writes a model in forms that other programs run.");
  group.addHelpText(
    "after",
    "\nExample:\n  ./adtr export onnx --model runs/a/model.safetensors --out a.onnx",
  );
  addExportOnnx(group);
  addExportWeb(group);
}
