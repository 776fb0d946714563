/**
 * Where a training stands: parameters, optimizers' states, buffers and the number of steps done. Everything random follows
 * from the seed and the step, so nothing else is needed to go on as if never stopped. A SHA-256 of it all tells damage.
 *
 *     0.model.NAME    the first group's parameter of that name
 *     0.m.NAME        its optimizer's state m of that parameter, and so on for every state and group
 *     buffer.NAME     a buffer
 *
 * @module
 */
import { InputError, shortened } from "../errors.ts";
import { parseSafetensors, safetensorsHeader } from "../formats/safetensors.ts";
import {
  type Content,
  expectTensor,
  stored,
  type StoredTensor,
  type TensorFile,
} from "../formats/tensor_file.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Group, Trainable } from "../methods/trainable.ts";
import type { HostTensor } from "../optim/parameters.ts";
import { sha256OfAll } from "../sha256.ts";

/** What must be the same for a training to go on, by name: settings, and what data and backbone are. */
export type Identity = Readonly<Record<string, string | number | boolean>>;

const FORMAT = "adtr checkpoint 3";
/** The same without a checksum, as 0.2 wrote it. */
const UNCHECKED = "adtr checkpoint 2";

/** A checkpoint that is whole. */
export interface Checkpoint {
  /** Steps done. */
  readonly steps: number;
  /** Those of each group's optimizer. */
  readonly optimizerSteps: readonly number[];
  /** What it belongs to. */
  readonly identity: Identity;
  /** Where it stands, and its tensors. */
  readonly file: TensorFile;
}

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
  return { tensors, metadata: { ...metadata, sha256: await checksum({ tensors, metadata }) } };
}

/**
 * Reads a checkpoint.
 *
 * @param name what errors call it
 * @throws {InputError} where it is damaged, or none
 */
export async function parseCheckpoint(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Checkpoint> {
  const file = parseSafetensors(bytes, name), { format, sha256 } = file.metadata;
  const steps = Number(file.metadata.steps), identity = parsed<Identity>(file.metadata.identity);
  const optimizerSteps = parsed<number[]>(file.metadata.optimizer_steps);
  const isCount = (n: unknown): boolean => Number.isSafeInteger(n) && n as number >= 0;
  if (
    (format !== FORMAT && format !== UNCHECKED) || !isCount(steps) || identity === null ||
    !Array.isArray(optimizerSteps) || !optimizerSteps.every(isCount)
  ) {
    throw new InputError(
      `Expected a checkpoint written by train in ${name}, but found another file of tensors`,
    );
  }
  if (format === FORMAT && sha256 !== await checksum(file)) {
    throw new InputError(`Expected ${name} as it was written, but found other bytes, by its SHA-256`);
  }
  return { steps, optimizerSteps, identity, file };
}

/** Of all that is in a checkpoint but the checksum itself. */
function checksum({ tensors, metadata: { sha256: _, ...metadata } }: Content): Promise<string> {
  const bytes = [...tensors.values()].map(({ bytes }) => bytes);
  return sha256OfAll([safetensorsHeader(tensors, metadata), ...bytes]);
}

/**
 * Goes on where a checkpoint was made.
 *
 * @param free names in the identity that may differ
 * @returns the number of steps done
 * @throws {InputError} where it belongs to a training with other settings, data or networks
 */
export function restore(
  gpu: Gpu,
  { steps, optimizerSteps, identity: known, file }: Checkpoint,
  { groups, buffers }: Trainable,
  identity: Identity,
  free: readonly string[],
): number {
  const name = file.path;
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
  if (optimizerSteps.length !== groups.length) {
    throw new InputError(
      `Expected ${groups.length} networks with optimizers in ${name}, but found ${optimizerSteps.length}`,
    );
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
