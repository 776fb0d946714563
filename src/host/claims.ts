/**
 * Claims: which program is at work in a folder that many machines share, where locks of files reach one machine only.
 *
 *     FOLDER/.claim-1    who it is, a line of JSON, and how often it has shown that it lives, or that it has let go
 *     FOLDER/.claim-2    of who took it over; the highest counts
 *
 * A claim is made by making its file, which the file system lets one program do. Its owner writes to it every `BEAT`. Who
 * finds a claim that has let go, or whose owner was on the same machine and has ended (its lock is free), makes the next
 * file at once; where the owner is on another machine, only after having seen no change for `LEASE` by its own clock. So
 * neither clocks of machines nor times of files are compared. An owner that lives but gave no sign for so long finds the
 * next file, or its own marked, before it writes anything else.
 *
 * @module
 */
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { ifThere, reason, removeIfThere } from "./files.ts";

/** Between signs of life, milliseconds. */
export const BEAT = 20_000;
/** Without a sign for so long, a claim of another machine is taken over, milliseconds. */
export const LEASE = 300_000;

const NAME = /^\.claim-(\d{1,9})$/, RELEASED = "released";
/** Characters of a claim's second line. */
const STATE = 12;

/** What is other than usual. */
export interface ClaimOptions {
  beat?: number;
  lease?: number;
  /** What tells this machine from others. */
  machine?: string;
}

/** Claims of this program, and what it has seen of others'. */
export class Claims {
  readonly #beat: number;
  readonly #lease: number;
  readonly #machine: string;
  /** Others' claims by their paths: what was read, and when that was read first. */
  readonly #seen = new Map<string, { text: string; at: number }>();

  /** None yet. */
  constructor({ beat = BEAT, lease = LEASE, machine = machineName() }: ClaimOptions = {}) {
    this.#beat = beat;
    this.#lease = lease;
    this.#machine = machine;
  }

  /**
   * Claims a folder.
   *
   * @param isLocked whether this program holds the folder's lock, so that no other on this machine is at work there
   * @returns null where another program has it, or may have it
   * @throws {InputError} where the folder can't be read or written
   */
  async take(folder: string, isLocked: boolean): Promise<Claim | null> {
    const last = await lastIn(folder), path = pathOf(folder, last);
    if (last > 0 && !await this.#isOver(path, isLocked)) return null;
    const head = JSON.stringify({
      id: crypto.randomUUID(),
      machine: this.#machine,
      pid: Deno.pid,
      since: new Date().toISOString(),
    });
    if (!await make(pathOf(folder, last + 1), head)) return null;
    if (last > 0) mark(path, RELEASED); // its owner may live
    return new Claim(folder, last + 1, head, this.#beat);
  }

  /** Waits until a folder that `take` gave null for is known to be another's, or is free. @param onWait told once that it waits */
  async known(folder: string, signal: AbortSignal, onWait: () => void): Promise<void> {
    const path = pathOf(folder, await lastIn(folder));
    if (!this.#seen.has(path)) { // held by a lock, free, or taken over from this program
      const text = await attempt(path, ifThere(Deno.readTextFile(path)));
      if (text === undefined || machineOf(text) === this.#machine || await this.#isOver(path, false)) return;
    }
    const first = this.#seen.get(path)!.text;
    for (let waits = false; !signal.aborted; waits = true) {
      if (await this.#isOver(path, false) || this.#seen.get(path)!.text !== first) return;
      if (!waits) onWait();
      await new Promise((resolve) => setTimeout(resolve, Math.min(this.#beat / 4, 1000)));
    }
  }

  /** Whether a claim's owner has let go, or ended. */
  async #isOver(path: string, isLocked: boolean): Promise<boolean> {
    const text = await attempt(path, ifThere(Deno.readTextFile(path)));
    if (text === undefined || stateOf(text) === RELEASED) return true;
    if (isLocked && machineOf(text) === this.#machine) return true;
    const before = this.#seen.get(path), now = performance.now();
    if (before?.text === text) return now - before.at >= this.#lease;
    this.#seen.set(path, { text, at: now });
    return false;
  }
}

/** A claim of this program; it lets go with the end of its scope (`using`). */
export class Claim implements Disposable {
  readonly #folder: string;
  readonly #number: number;
  readonly #head: string;
  readonly #beat: number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #controller = new AbortController();
  #beats = 0;
  #beaten = performance.now();
  #isDone = false;

  /** What `Claims` has made. */
  constructor(folder: string, number: number, head: string, beat: number) {
    this.#folder = folder;
    this.#number = number;
    this.#head = head;
    this.#beat = beat;
    this.#timer = setInterval(() => this.isLost(), beat);
    Deno.unrefTimer(Number(this.#timer)); // it keeps no program from ending
  }

  /** Aborted where another program has taken over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether another program has taken over; where not, this one has shown that it lives. */
  isLost(): boolean {
    if (!this.signal.aborted && this.#isTaken()) this.#controller.abort();
    return this.signal.aborted;
  }

  /** Before writing to the folder. @throws {InputError} where another program has taken over */
  require(): void {
    if (this.isLost()) {
      throw new InputError(`Expected to work in ${this.#folder}, but found that another run does`);
    }
  }

  /** The work is done: forgets this claim, and those before it. */
  async finish(): Promise<void> {
    this.#isDone = true;
    for (let number = 1; number <= this.#number; number++) {
      await removeIfThere(pathOf(this.#folder, number)).catch(() => {}); // nobody minds a claim on what is done
    }
  }

  /** Lets go, so that another program can go on at once. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (!this.#isDone && !this.isLost()) mark(pathOf(this.#folder, this.#number), RELEASED);
  }

  #isTaken(): boolean {
    const path = pathOf(this.#folder, this.#number);
    try {
      const text = Deno.readTextFileSync(path);
      if (!text.startsWith(`${this.#head}\n`) || stateOf(text) === RELEASED) return true;
      if (isThereSync(pathOf(this.#folder, this.#number + 1))) return true;
    } catch (error) {
      return error instanceof Deno.errors.NotFound; // what else the system says, it will say again of what is written
    }
    // By timers that come a little early, too.
    if (performance.now() - this.#beaten > 0.9 * this.#beat && mark(path, String(++this.#beats))) {
      this.#beaten = performance.now();
    }
    return false;
  }
}

function pathOf(folder: string, number: number): string {
  return join(folder, `.claim-${number}`);
}

/** The highest claim's number; 0 where there is none. */
async function lastIn(folder: string): Promise<number> {
  const names = await attempt(folder, ifThere(Array.fromAsync(Deno.readDir(folder), ({ name }) => name)));
  return Math.max(0, ...names?.map((name) => Number(NAME.exec(name)?.[1] ?? 0)) ?? []);
}

/** Makes a claim's file. @returns false where there is one already, or the folder has gone with whom it was made for */
async function make(path: string, head: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { write: true, createNew: true });
    const bytes = new TextEncoder().encode(`${head}\n${"0".padEnd(STATE)}\n`);
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotFound) return false;
    await Deno.remove(path).catch(() => {}); // most likely it is not there
    throw new InputError(`Can't write ${path}: ${reason(error)}`);
  }
}

/** Writes a claim's second line in place. @returns false where it can't be */
function mark(path: string, state: string): boolean {
  try {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(-STATE - 1, Deno.SeekMode.End);
    return file.writeSync(new TextEncoder().encode(state.padEnd(STATE))) === STATE;
  } catch {
    return false; // gone, or the disk refuses it: what isn't shown to live is taken over, which costs time only
  }
}

function stateOf(text: string): string {
  return text.split("\n")[1]?.trim() ?? "";
}

/** Null where a claim is only just being made. */
function machineOf(text: string): string | null {
  try {
    return (JSON.parse(text.split("\n")[0]) as { machine?: string } | null)?.machine ?? null;
  } catch {
    return null;
  }
}

/** A name of this machine that holds until it is started again, where the system has one. */
function machineName(): string {
  let boot = "";
  try {
    boot = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    // Linux has it.
  }
  return `${Deno.hostname()} ${boot}`.trim();
}

function isThereSync(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function attempt<T>(path: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new InputError(`Can't read ${path}: ${reason(error)}`);
  }
}
