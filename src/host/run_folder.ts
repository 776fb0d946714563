/**
 * A training's journal as files of a folder: checkpoint.safetensors, log.jsonl with one JSON object an optimizer step, and
 * model.safetensors; that of a training which comes before lies in a folder within it.
 *
 * @module
 */
import { join } from "node:path";
import { SettingError } from "../errors.ts";
import type { Content } from "../formats/tensor_file.ts";
import type { Journal, LogEntry } from "../train/journal.ts";
import { isThere, makeFolder, readWhole, removeFolder } from "./files.ts";
import { appendLog, beginLog, LOG } from "./log.ts";
import { writeSafetensors } from "./tensor_files.ts";

/** The checkpoint's name. */
export const CHECKPOINT = "checkpoint.safetensors";
/** The name of what was learned. */
export const MODEL = "model.safetensors";

/** The journal in a folder, which must be there. */
export class RunFolder implements Journal {
  readonly name: string;
  #folder: string;
  #resume: boolean;
  #onWarning: (message: string) => void;

  /**
   * The journal of a new training, or of one to be gone on with.
   *
   * @param resume whether to go on from the checkpoint in it; without one to begin, if there is no finished model either
   * @param onWarning told where there is nothing to go on from
   */
  constructor(folder: string, resume: boolean, onWarning: (message: string) => void = () => {}) {
    this.name = join(folder, CHECKPOINT);
    this.#folder = folder;
    this.#resume = resume;
    this.#onWarning = onWarning;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (!this.#resume) return null;
    if (await isThere(this.name)) return await readWhole(this.name);
    if (await isThere(join(this.#folder, MODEL))) {
      throw new SettingError(
        `Expected ${this.name} to go on from, but found only a finished model.\nAnother {out} begins a new run.`,
        "data",
      );
    }
    if (await isThere(join(this.#folder, LOG))) {
      this.#onWarning(`no checkpoint in ${this.#folder} yet, beginning again with the first step`);
    }
    return null;
  }

  write({ tensors, metadata }: Content): Promise<void> {
    return writeSafetensors(this.name, tensors, metadata);
  }

  begin(steps: number): Promise<void> {
    return beginLog(join(this.#folder, LOG), steps);
  }

  append(entries: readonly LogEntry[]): Promise<void> {
    return appendLog(join(this.#folder, LOG), entries);
  }

  keep({ tensors, metadata }: Content): Promise<void> {
    return writeSafetensors(join(this.#folder, MODEL), tensors, metadata);
  }

  async kept(): Promise<Uint8Array<ArrayBuffer> | null> {
    const path = join(this.#folder, MODEL);
    return this.#resume && await isThere(path) ? await readWhole(path) : null;
  }

  async before(name: string): Promise<Journal> {
    const folder = join(this.#folder, name);
    await makeFolder(folder);
    return new RunFolder(folder, this.#resume, this.#onWarning);
  }

  async drop(name: string): Promise<void> {
    await removeFolder(join(this.#folder, name));
  }
}
