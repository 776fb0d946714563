/**
 * Where a training stands: parameters, what the optimizer keeps and the number of steps done. Everything random follows from
 * the seed and the step, so nothing else is needed to go on as if never stopped.
 *
 * @module
 */
import type { Optimizer } from "../optim/optimizer.ts";
import type { HostTensor } from "../optim/parameters.ts";
import { InputError } from "../errors.ts";
import type { Adtr } from "../model/adtr.ts";
import { readSafetensors, writeSafetensors } from "../formats/safetensors.ts";
import { expectTensor, stored, type StoredTensor } from "../formats/tensor_file.ts";

/** What must be the same for a training to go on, by name: settings, and what data and backbone are. */
export type Identity = Readonly<Record<string, string | number | boolean>>;

/** Its name in a run's folder. */
export const CHECKPOINT = "checkpoint.safetensors";

const FORMAT = "adtr checkpoint 1";

/** Writes the checkpoint, whole or not at all. @throws {InputError} where it can't be written */
export async function writeCheckpoint(
  path: string,
  adtr: Adtr,
  optimizer: Optimizer,
  identity: Identity,
): Promise<void> {
  const tensors = new Map<string, StoredTensor>();
  for (const [kind, tensor] of Object.entries(parts(adtr, optimizer))) {
    for (const [name, { shape, data }] of await adtr.parameters.read(tensor)) {
      tensors.set(`${kind}.${name}`, stored(data, shape));
    }
  }
  const metadata = {
    format: FORMAT,
    steps: String(optimizer.steps),
    identity: JSON.stringify(identity),
  };
  await writeSafetensors(path, tensors, metadata);
}

/**
 * Reads a checkpoint into a model and its optimizer; where there is no such file, both stay as they are.
 *
 * @param free names in the identity that may differ
 * @throws {InputError} where it can't be read, is damaged, or belongs to a training with other settings or data
 */
export async function readCheckpoint(
  path: string,
  adtr: Adtr,
  optimizer: Optimizer,
  identity: Identity,
  free: readonly string[],
): Promise<void> {
  const isMissing = await Deno.stat(path).then(() => false, (e) => e instanceof Deno.errors.NotFound);
  if (isMissing) return;
  const file = await readSafetensors(path);
  const steps = Number(file.metadata.steps), known = identityIn(file.metadata);
  if (!known || !Number.isSafeInteger(steps) || steps < 1) {
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
  optimizer.steps = steps;
}

/** Null where there is none. */
function identityIn({ format, identity }: Record<string, string>): Identity | null {
  try {
    return format === FORMAT ? JSON.parse(identity) : null;
  } catch {
    return null;
  }
}

function parts(adtr: Adtr, optimizer: Optimizer) {
  return { model: adtr.parameters.values, ...Object.fromEntries(optimizer.state) };
}
