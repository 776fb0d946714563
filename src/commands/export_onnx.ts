/**
 * `adtr export onnx`: a model as one ONNX graph.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { resolve } from "node:path";
import { InputError } from "../errors.ts";
import { OPSET } from "../formats/onnx.ts";
import { readWhole, removeAbandoned, writeWhole } from "../host/files.ts";
import { readWeightFile } from "../host/tensor_files.ts";
import { parseModel } from "../methods/model_file.ts";
import { onnxChunks } from "../score/onnx.ts";
import { addModel, type ModelOptions } from "./model_options.ts";
import { ProgressDisplay } from "./progress.ts";
import { givenWeights } from "./weights_options.ts";

/** Adds the command. */
export function addExportOnnx(group: Command): void {
  addModel(
    group.command("onnx")
      .description(
        `Writes a model as one ONNX graph (opset ${OPSET}): pixels in, map and score out. It needs no GPU.`,
      ),
  )
    .requiredOption("--out <FILE>", "ONNX file to write")
    .addHelpText(
      "after",
      "\nExample:\n  ./adtr export onnx --model runs/a/model.safetensors --out a.onnx",
    )
    .action(run);
}

async function run({ model, out, ...options }: ModelOptions & { out: string }): Promise<void> {
  const { weights, weightsKey: weights_key } = givenWeights(options);
  for (const path of [model, weights]) {
    if (path !== undefined && resolve(path) === resolve(out)) {
      throw new InputError(`Expected --out to be another file than what is read, but found ${out}`);
    }
  }
  const file = weights === undefined ? undefined : await readWeightFile(weights, { weights_key });
  const parsed = parseModel(await readWhole(model), model);
  const chunks = await onnxChunks(parsed, { weights: file });
  await removeAbandoned(out);
  await writeWhole(out, async (write) => {
    for (const chunk of chunks) await write(chunk);
  });
  if (parsed.info.precision === "f16") {
    new ProgressDisplay().warn(
      `${out} computes in float32: scores differ by f16's rounding from the model's, which was trained with --precision f16`,
    );
  }
  console.log(out);
}
