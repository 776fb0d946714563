/**
 * The state dicts of features.py, made again from names and shapes, so that no file has to hold them; and the features
 * that they must give.
 *
 * @module
 */
import type { NamingName } from "../../src/model/backbones.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { float32Of, stored, type StoredTensor } from "../../src/formats/tensor_file.ts";
import { fill } from "../fill.ts";

/** The features of an image of side S, brought to H×W, under a naming. */
export interface GoldenFeatures {
  naming: NamingName | "timm_tf";
  S: number;
  H: number;
  W: number;
  /** u8 RGB [S, S, 3]. */
  image: Uint8Array;
  /** Every {@linkcode STEP}th of the features [C, H, W]. */
  values: Float32Array;
}

const file = await readSafetensors(new URL("features.safetensors", import.meta.url).pathname);
const shapes: Record<NamingName, Record<string, number[]>> = JSON.parse(file.metadata.shapes);

/** Which of the features in row-major order are stored. */
export const STEP = Number(file.metadata.step);

/** All cases. */
export const goldenFeatures: GoldenFeatures[] = JSON.parse(file.metadata.cases)
  .map((golden: GoldenFeatures) => ({
    ...golden,
    image: Uint8Array.from(fill(`image.${golden.S}`, golden.S * golden.S * 3, 0, 256)),
    values: float32Of(file.tensors.get(`${golden.naming}.${golden.S}`)!),
  }));

/** Bounds of a tensor's numbers, by its name and shape: `range_of` of filled.py. */
function rangeOf(name: string, shape: number[]): [low: number, high: number] {
  if (name.endsWith("num_batches_tracked")) return [1, 100];
  if (name.endsWith("running_var")) return [0.5, 1.5];
  if (name.endsWith("running_mean")) return [-0.2, 0.2];
  if (shape.length === 1) return name.endsWith("weight") ? [0.7, 1.4] : [-0.5, 0.5];
  const bound = Math.sqrt(5 / shape.slice(1).reduce((a, b) => a * b));
  return [-bound, bound];
}

/** A whole EfficientNet-B4's state dict under the names of an implementation, head and counters included. */
export function filledStateDict(naming: NamingName): Map<string, StoredTensor> {
  return filled(shapes[naming]);
}

/** A state dict of these shapes by name. */
export function filled(shapes: Record<string, number[]>): Map<string, StoredTensor> {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const values = fill(name, shape.reduce((a, b) => a * b, 1), ...rangeOf(name, shape));
      const whole = name.endsWith("num_batches_tracked");
      return [name, stored(whole ? BigInt64Array.from(values, (x) => BigInt(Math.floor(x))) : values, shape)];
    }),
  );
}
