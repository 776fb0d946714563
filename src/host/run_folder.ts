/**
 * A training's journal as files of a folder: checkpoint.safetensors and, until the run is done, the one before it as
 * checkpoint.previous.safetensors; log.jsonl with one JSON object an optimizer step; and model.safetensors. That of a
 * training which comes before lies in a folder within it.
 *
 * @module
 */
import { basename, join } from "node:path";
import { InputError, SettingError } from "../errors.ts";
import type { Content } from "../formats/tensor_file.ts";
import type { Shelf } from "../score/kept.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import type { Journal, LogEntry } from "../train/journal.ts";
import { FileShelf } from "./file_shelf.ts";
import { isThere, makeFolder, readWhole, removeFolder, removeIfThere, syncIfThere } from "./files.ts";
import { appendLog, beginLog, countSteps, LOG } from "./log.ts";
import { writeSafetensors } from "./tensor_files.ts";

/** The checkpoint's name. */
export const CHECKPOINT = "checkpoint.safetensors";
/** The name of the checkpoint before it. */
export const PREVIOUS = "checkpoint.previous.safetensors";
/** The name of what was learned. */
export const MODEL = "model.safetensors";

const NEW_RUN = "Another {out} begins a new run.";

/** The journal in a folder, which must be there. */
export class RunFolder implements Journal {
  readonly name: string;
  readonly #folder: string;
  readonly #resume: boolean;
  readonly #onWarning: (message: string) => void;
  readonly #beginsAgain: boolean;
  readonly #requireOwn: () => void;
  readonly #parts: RunFolder[] = [];
  /** Whether what is at `name` is a whole checkpoint of this training. */
  #isWhole = false;
  #goesOn = false;

  /**
   * The journal of a new training, or of one to be gone on with.
   *
   * @param resume whether to go on from the checkpoint in it; without one to begin, if there is no finished model either
   * @param onWarning told of damage, and where there is nothing to go on from
   * @param beginsAgain whether to begin where checkpoints are damaged or only a model is left, instead of refusing
   * @param requireOwn called before anything is written; throws where the folder isn't this program's any more
   */
  constructor(
    folder: string,
    resume: boolean,
    onWarning: (message: string) => void = () => {},
    beginsAgain = false,
    requireOwn: () => void = () => {},
  ) {
    this.name = join(folder, CHECKPOINT);
    this.#folder = folder;
    this.#resume = resume;
    this.#onWarning = onWarning;
    this.#beginsAgain = beginsAgain;
    this.#requireOwn = requireOwn;
  }

  /** Whether it, or a training that comes before, has gone on from a checkpoint. */
  get goesOn(): boolean {
    return this.#goesOn || this.#parts.some(({ goesOn }) => goesOn);
  }

  async read(
    parse: (bytes: Uint8Array<ArrayBuffer>, name: string) => Promise<Checkpoint>,
  ): Promise<Checkpoint | null> {
    if (!this.#resume) return null;
    const damaged: string[] = [], faults: string[] = [];
    for (const path of [this.name, join(this.#folder, PREVIOUS)]) {
      if (!await isThere(path)) continue;
      try {
        const checkpoint = await parse(await readWhole(path), path);
        await this.#requireLog(checkpoint);
        if (faults.length > 0) {
          this.#onWarning(
            `${faults[0]}; going on from step ${checkpoint.steps}, of the checkpoint before it`,
          );
        }
        this.#goesOn = true;
        this.#isWhole = path === this.name;
        return checkpoint;
      } catch (error) {
        const isForbidden = error instanceof Error && error.cause instanceof Deno.errors.PermissionDenied;
        if (!(error instanceof InputError) || isForbidden) throw error;
        damaged.push(basename(path));
        faults.push(error.message);
      }
    }
    const isFinished = await isThere(join(this.#folder, MODEL));
    if (faults.length > 0) {
      const help = `Without ${damaged.join(" and ")} it begins again with the first step.`;
      this.#refuse(`none that is whole: ${faults.join("; ")}`, isFinished ? NEW_RUN : help);
    } else if (isFinished) this.#refuse("only a finished model", NEW_RUN);
    else if (await isThere(join(this.#folder, LOG))) {
      this.#onWarning(`no checkpoint in ${this.#folder} yet, beginning again with the first step`);
    }
    return null;
  }

  /** @throws {SettingError} unless it is to begin again, which is told */
  #refuse(found: string, help: string): void {
    const expected = `Expected ${this.name} to go on from, but found ${found}`;
    if (!this.#beginsAgain) throw new SettingError(`${expected}.\n${help}`, "data");
    this.#onWarning(`${expected}; beginning again with the first step`);
  }

  /** @throws {InputError} where the log has not all steps of a checkpoint */
  async #requireLog({ steps }: Checkpoint): Promise<void> {
    const log = join(this.#folder, LOG), found = steps > 0 ? await countSteps(log) : 0;
    if (found < steps) throw new InputError(`Expected ${steps} steps in ${log}, but found ${found}`);
  }

  async write({ tensors, metadata }: Content): Promise<void> {
    this.#requireOwn();
    await syncIfThere(join(this.#folder, LOG)); // which has to have the checkpoint's steps, whatever happens
    const before = this.#isWhole ? join(this.#folder, PREVIOUS) : undefined;
    await writeSafetensors(this.name, tensors, metadata, before);
    this.#isWhole = true;
  }

  async begin(steps: number): Promise<void> {
    this.#requireOwn();
    await beginLog(join(this.#folder, LOG), steps);
  }

  async append(entries: readonly LogEntry[]): Promise<void> {
    this.#requireOwn();
    await appendLog(join(this.#folder, LOG), entries);
  }

  async keep({ tensors, metadata }: Content): Promise<void> {
    this.#requireOwn();
    await writeSafetensors(join(this.#folder, MODEL), tensors, metadata);
  }

  async kept(): Promise<Uint8Array<ArrayBuffer> | null> {
    const path = join(this.#folder, MODEL);
    return this.#resume && await isThere(path) ? await readWhole(path) : null;
  }

  async before(name: string): Promise<Journal> {
    const folder = join(this.#folder, name);
    await makeFolder(folder);
    const part = new RunFolder(folder, this.#resume, this.#onWarning, this.#beginsAgain, this.#requireOwn);
    this.#parts.push(part);
    return part;
  }

  async drop(name: string): Promise<void> {
    this.#requireOwn();
    await removeFolder(join(this.#folder, name));
  }

  shelf(): Shelf {
    return new FileShelf(this.#folder);
  }

  /** Forgets the checkpoints before the last: the run is done. */
  async finish(): Promise<void> {
    await removeIfThere(join(this.#folder, PREVIOUS));
    for (const part of this.#parts) await part.finish();
  }
}
