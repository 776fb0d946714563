/**
 * Where a training stands: parameters, AdamW's moments and the number of steps done. Everything random follows from
 * the seed and the step, so nothing else is needed to go on as if never stopped.
 *
 * @module
 */
import type { AdamW } from "../autograd/adamw.ts";
import type { HostTensor } from "../autograd/parameters.ts";
import { InputError } from "../errors.ts";
import type { Adtr } from "../model/adtr.ts";
import { readSafetensors, writeSafetensors } from "../model/safetensors.ts";
import { expectTensor, stored, type StoredTensor } from "../model/tensor_file.ts";

/** What must be the same for a training to go on, by name: settings, and what data and backbone are. */
export type Identity = Readonly<Record<string, string | number | boolean>>;

/** Writes the checkpoint, whole or not at all. @throws {InputError} where it can't be written */
export async function writeCheckpoint(
  path: string,
  adtr: Adtr,
  optimizer: AdamW,
  identity: Identity,
): Promise<void> {
  const tensors = new Map<string, StoredTensor>();
  for (const [kind, tensor] of Object.entries(parts(adtr, optimizer))) {
    for (const [name, { shape, data }] of await adtr.parameters.read(tensor)) {
      tensors.set(`${kind}.${name}`, stored(data, shape));
    }
  }
  const metadata = {
    format: "adtr checkpoint 1",
    steps: String(optimizer.steps),
    identity: JSON.stringify(identity),
  };
  await writeSafetensors(path, tensors, metadata);
}

/**
 * Reads a checkpoint into a model and its optimizer.
 *
 * @param free names in the identity that may differ
 * @returns false if there is no such file
 * @throws {InputError} where it can't be read, is damaged, or belongs to a training with other settings or data
 */
export async function readCheckpoint(
  path: string,
  adtr: Adtr,
  optimizer: AdamW,
  identity: Identity,
  free: readonly string[],
): Promise<boolean> {
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  const file = await readSafetensors(path);
  const { steps, identity: text } = file.metadata;
  let known: Identity;
  try {
    known = JSON.parse(text);
  } catch {
    throw new InputError(
      `Expected a checkpoint written by train in ${path}, but found another file of tensors`,
    );
  }
  for (const [name, value] of Object.entries(identity)) {
    if (known[name] !== value && !free.includes(name)) {
      throw new InputError(
        `Expected to go on from ${path} with ${name} ${known[name]}, but found ${value}.\n` +
          "A training can be resumed with the settings and the images it began with only.",
      );
    }
  }
  for (const [kind, tensor] of Object.entries(parts(adtr, optimizer))) {
    const state = new Map<string, HostTensor>();
    for (const [name, shape] of adtr.parameters.shapes) {
      state.set(name, { shape, data: expectTensor(file, `${kind}.${name}`, shape) });
    }
    adtr.parameters.loadInto(tensor, state);
  }
  optimizer.steps = Number(steps);
  return true;
}

function parts(adtr: Adtr, optimizer: AdamW) {
  return { model: adtr.parameters.values, m: optimizer.m, v: optimizer.v };
}
