/**
 * Where a training stands: parameters, optimizers' states, buffers and the number of steps done. Everything random follows
 * from the seed and the step, so nothing else is needed to go on as if never stopped.
 *
 *     0.model.NAME    the first group's parameter of that name
 *     0.m.NAME        its optimizer's state m of that parameter, and so on for every state and group
 *     buffer.NAME     a buffer
 *
 * @module
 */
import { InputError, shortened } from "../errors.ts";
import { parseSafetensors } from "../formats/safetensors.ts";
import { type Content, expectTensor, stored, type StoredTensor } from "../formats/tensor_file.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Group, Trainable } from "../methods/trainable.ts";
import type { HostTensor } from "../optim/parameters.ts";

/** What must be the same for a training to go on, by name: settings, and what data and backbone are. */
export type Identity = Readonly<Record<string, string | number | boolean>>;

const FORMAT = "adtr checkpoint 2";

/** A training as it stands. */
export async function checkpointOf(
  gpu: Gpu,
  { groups, buffers }: Trainable,
  steps: number,
  identity: Identity,
): Promise<Content> {
  const tensors = new Map<string, StoredTensor>();
  await gpu.step(async (gpu) => {
    for (const [i, group] of groups.entries()) {
      for (const [kind, tensor] of statesOf(group)) {
        for (const [name, { shape, data }] of await group.parameters.read(tensor, gpu)) {
          tensors.set(`${i}.${kind}.${name}`, stored(data, shape));
        }
      }
    }
    for (const [name, tensor] of buffers) {
      tensors.set(`buffer.${name}`, stored(await gpu.read(tensor), tensor.shape));
    }
  });
  const metadata = {
    format: FORMAT,
    steps: String(steps),
    optimizer_steps: JSON.stringify(groups.map(({ optimizer }) => optimizer.steps)),
    identity: JSON.stringify(identity),
  };
  return { tensors, metadata };
}

/**
 * Goes on where a checkpoint was made.
 *
 * @param bytes a checkpoint
 * @param name what errors call it
 * @param free names in the identity that may differ
 * @returns the number of steps done
 * @throws {InputError} where it is damaged, or belongs to a training with other settings or data
 */
export function restore(
  gpu: Gpu,
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  { groups, buffers }: Trainable,
  identity: Identity,
  free: readonly string[],
): number {
  const file = parseSafetensors(bytes, name), steps = Number(file.metadata.steps);
  const known = parsed<Identity>(file.metadata.identity);
  const optimizerSteps = parsed<number[]>(file.metadata.optimizer_steps);
  const isOurs = file.metadata.format === FORMAT && known !== null &&
    optimizerSteps?.length === groups.length;
  if (!isOurs || ![steps, ...optimizerSteps].every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new InputError(
      `Expected a checkpoint written by train in ${name}, but found another file of tensors`,
    );
  }
  for (const [key, value] of Object.entries(identity)) {
    if (known[key] !== value && !free.includes(key)) {
      throw new InputError(
        `Expected to go on from ${name} with ${key} ${shortened(known[key])}, but found ${
          shortened(value)
        }.\n` +
          "A training can be resumed with the settings and the images it began with only.",
      );
    }
  }
  for (const [i, group] of groups.entries()) {
    for (const [kind, tensor] of statesOf(group)) {
      const state = new Map<string, HostTensor>();
      for (const [parameter, shape] of group.parameters.shapes) {
        state.set(parameter, { shape, data: expectTensor(file, `${i}.${kind}.${parameter}`, shape) });
      }
      group.parameters.loadInto(tensor, state);
    }
    group.optimizer.steps = optimizerSteps[i];
  }
  for (const [key, tensor] of buffers) {
    gpu.stream.write(tensor, expectTensor(file, `buffer.${key}`, tensor.shape));
  }
  return steps;
}

/** A group's flat tensors by kind. */
function statesOf({ parameters, optimizer }: Group): [kind: string, tensor: Tensor][] {
  return [["model", parameters.values], ...optimizer.state];
}

function parsed<T>(json: string | undefined): T | null {
  try {
    return JSON.parse(json ?? "null");
  } catch {
    return null;
  }
}
