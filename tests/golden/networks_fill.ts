/**
 * The state dicts of networks.py, lite.py and vgg.py, made again from names and shapes, so that no file has to hold them; and the features
 * that they must give.
 *
 * @module
 */
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { float32Of, type StoredTensor } from "../../src/formats/tensor_file.ts";
import { fill } from "../fill.ts";
import { filled } from "./features_fill.ts";

/** The features of an image of side S, brought to H×W, from the network of a case. */
export interface GoldenNetwork {
  /** A backbone's name, with whose names its tensors have where there are several. */
  case: string;
  S: number;
  H: number;
  W: number;
  /** Of each tap. */
  channels: number[];
  /** u8 RGB [S, S, 3]. */
  image: Uint8Array;
  /** Every `STEP`th of the features [C, H, W]. */
  values: Float32Array;
  /** Means of the last tap, all of them. */
  pooled: Float32Array;
}

const files = await Promise.all(
  ["networks", "lite", "vgg"].map((name) =>
    readSafetensors(new URL(`${name}.safetensors`, import.meta.url).pathname)
  ),
);
const shapes: Record<string, Record<string, number[]>> = Object.assign(
  {},
  ...files.map(({ metadata }) => JSON.parse(metadata.shapes)),
);

/** All cases at all sizes. */
export const goldenNetworks: GoldenNetwork[] = files.flatMap(({ tensors, metadata }) =>
  JSON.parse(metadata.cases).map((golden: GoldenNetwork) => ({
    ...golden,
    image: Uint8Array.from(fill(`image.${golden.S}`, golden.S * golden.S * 3, 0, 256)),
    values: float32Of(tensors.get(`${golden.case}.${golden.S}`)!),
    pooled: float32Of(tensors.get(`${golden.case}.${golden.S}.pooled`)!),
  }))
);

/** A made-up case's whole state dict, head and counters included. */
export function networkStateDict(name: string): Map<string, StoredTensor> {
  return filled(shapes[name]);
}
