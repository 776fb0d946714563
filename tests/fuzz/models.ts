/**
 * Model files of all methods and a training's checkpoint, made here: so small that each is a few kilobytes.
 *
 * @module
 */
import { serializeSafetensors } from "../../src/formats/safetensors.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { contentOf } from "../../src/methods/model_file.ts";
import { methods } from "../../src/methods/registry.ts";
import type { Trainable } from "../../src/methods/trainable.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import { Parameters } from "../../src/optim/parameters.ts";
import { checkpointOf } from "../../src/train/checkpoint.ts";
import { fill } from "../fill.ts";
import { imagesFor, learned, settingsOf } from "../methods/made_up.ts";
import type { Bytes } from "./mutations.ts";

const IMAGES = 6;

/** A model of every method of some, with thresholds and held-out scores. */
export async function modelSeeds(names: readonly string[]): Promise<Map<string, Bytes>> {
  const { gpu } = await import("../gpu.ts"), seeds = new Map<string, Bytes>();
  for (const method of methods.filter(({ name }) => names.includes(name))) {
    const settings = settingsOf(method), images = imagesFor(method, "train", IMAGES);
    using fitted = await learned(method, images, { settings, on: gpu });
    const threshold = { value: 1.5, from: "normal-quantile" as const, at: 0.95, images: IMAGES };
    const { tensors, metadata } = contentOf(method.name, await fitted.state(), {
      ...settings,
      features: "made up",
    }, {
      decision: { image: threshold, pixel: method.maps ? threshold : null, spread: 0.25 },
      heldOut: { scores: fill("held out", IMAGES), peaks: method.maps ? fill("peaks", IMAGES) : null },
    });
    seeds.set(method.name, serializeSafetensors(tensors, metadata));
  }
  return seeds;
}

/** Two groups and a buffer. @returns for the caller to dispose of */
export function tinyTrainable(gpu: Gpu): Trainable & Disposable {
  const group = (shapes: Record<string, number[]>) => {
    const parameters = new Parameters(gpu, new Map(Object.entries(shapes)));
    return { parameters, optimizer: new AdamW(gpu, parameters) };
  };
  const groups = [group({ "net.weight": [3, 4], "net.bias": [3] }), group({ scale: [5] })];
  const buffer = gpu.tensor([...fill("running", 3)], [3]);
  return {
    groups,
    buffers: new Map([["running_mean", buffer]]),
    step() {
      throw new Error("It is never trained");
    },
    [Symbol.dispose]() {
      for (const { parameters, optimizer } of groups) {
        optimizer[Symbol.dispose]();
        parameters[Symbol.dispose]();
      }
      gpu.release(buffer);
    },
  };
}

/** What has to be the same for that training to go on. */
export const IDENTITY = { method: "adtr", lr: 1e-4, shuffle: true, images: "0123456789abcdef" };

/** A checkpoint of {@linkcode tinyTrainable}, and one as they were without checksums: damage gets further there. */
export async function checkpointSeeds(): Promise<Map<string, Bytes>> {
  const { gpu } = await import("../gpu.ts");
  using trainable = tinyTrainable(gpu);
  const { tensors, metadata } = await checkpointOf(gpu, trainable, 7, IDENTITY);
  const { sha256: _, ...unchecked }: Record<string, string> = { ...metadata, format: "adtr checkpoint 2" };
  return new Map([
    ["checkpoint", serializeSafetensors(tensors, metadata)],
    ["checkpoint of 0.2", serializeSafetensors(tensors, unchecked)],
  ]);
}
