/**
 * Shows progress on stderr: on a terminal one line that is redrawn, elsewhere a plain line an epoch and a phase.
 *
 * @module
 */
import type { ProgressEvent } from "../progress.ts";

/** A progress event, of a run or of anything else that takes time. */
export type Shown = Omit<ProgressEvent, "phase" | "unit"> & { phase: string; unit: string };

/** Where progress goes. */
export interface ProgressOutput {
  write(text: string): void;
  /** Whether a line can be redrawn. */
  isTerminal: boolean;
  /** Whether colours are wanted. */
  color: boolean;
  /** Characters a line has room for. */
  columns(): number;
  /** Milliseconds. */
  now(): number;
}

/** A terminal is redrawn at most this often, milliseconds. */
const INTERVAL = 100;
const BAR = 24;

/** This process's stderr. `TERM=dumb` and `NO_COLOR` are obeyed; where nobody reads it any more, work goes on. */
export function standardError(): ProgressOutput {
  return {
    write: (text) => {
      try {
        Deno.stderr.writeSync(new TextEncoder().encode(text));
      } catch {
        // A closed pipe or a full disk behind it: what was to be said is no reason to end the work.
      }
    },
    isTerminal: Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb",
    color: !Deno.noColor,
    columns: () => {
      try {
        return Deno.consoleSize().columns;
      } catch {
        return 80; // a terminal that doesn't tell its size
      }
    },
    now: () => performance.now(),
  };
}

/** What is known of the phase at hand. */
interface Phase {
  name: string;
  started: number;
  /** What was done when it began: more than 0 when a run goes on. */
  doneAtStart: number;
  last: Shown;
  /** When that came. */
  at: number;
}

/** Follows a run's progress events. */
export class ProgressDisplay {
  #output: ProgressOutput;
  #phase: Phase | null = null;
  #drawn = -Infinity;
  #epoch = 0;

  constructor(output: ProgressOutput = standardError()) {
    this.#output = output;
  }

  /** Takes an event; to be given as `onProgress`. */
  readonly onProgress = (event: Shown): void => {
    const name = `${event.category ?? ""}/${event.phase}`;
    const now = this.#output.now();
    if (this.#phase?.name !== name) {
      this.finish();
      this.#phase = { name, started: now, doneAtStart: event.done, last: event, at: now };
      this.#epoch = 0;
    }
    this.#phase.last = event;
    this.#phase.at = now;
    if (this.#output.isTerminal) {
      if (now - this.#drawn >= INTERVAL) this.#draw(now);
    } else if (event.epoch !== undefined && event.epoch > this.#epoch) {
      this.#epoch = event.epoch;
      this.#output.write(this.#parts(now).join(", ") + "\n");
    }
  };

  /**
   * Ends the phase at hand: its line stays, in its final state, and as of its last event, as what came after that is no
   * part of it. Also to be called before anything else is printed.
   */
  finish(): void {
    if (this.#phase === null) return;
    const now = this.#phase.at;
    if (this.#output.isTerminal) {
      this.#draw(now);
      this.#output.write("\n");
    } else if (this.#phase.last.epoch === undefined && this.#phase.last.done > 0) {
      this.#output.write(this.#parts(now).join(", ") + "\n");
    }
    this.#phase = null;
    this.#drawn = -Infinity;
  }

  /** Prints a sentence on a line of its own. */
  readonly warn = (message: string): void => {
    if (this.#output.isTerminal && this.#phase !== null) this.#output.write("\r\x1b[K");
    this.#output.write(`${message}\n`);
    this.#drawn = -Infinity;
  };

  #draw(now: number): void {
    this.#drawn = now;
    const { done, total } = this.#phase!.last;
    const filled = total > 0 ? Math.round(BAR * Math.min(done / total, 1)) : 0;
    const [title, ...details] = this.#parts(now);
    const room = this.#output.columns() - 1; // a full line would wrap
    const bar = "━".repeat(filled) + "─".repeat(BAR - filled);
    const line = [title, bar, ...details].join("  ").slice(0, room);
    const colored = this.#output.color ? line.replace(/━+/, "\x1b[36m$&\x1b[0m") : line;
    this.#output.write(`\r${colored}\x1b[K`);
  }

  /** Title, how far, loss, speed, time: the parts of a line. */
  #parts(now: number): string[] {
    const { started, doneAtStart, last } = this.#phase!;
    const { category, phase, done, total, unit, epoch, epochs, loss, images } = last;
    const seconds = (now - started) / 1000;
    const parts = [category === undefined ? phase : `${category}: ${phase}`];
    parts.push(epoch !== undefined ? `epoch ${epoch}/${epochs}` : `${done}/${total} ${unit}`);
    if (loss !== undefined) parts.push(`loss ${loss.toPrecision(4)}`);
    if (images !== undefined && seconds > 0) parts.push(`${rate(images / seconds)} images/s`);
    const left = seconds * (total - done) / (done - doneAtStart);
    parts.push(done < total && Number.isFinite(left) ? `${clock(left)} left` : clock(seconds));
    return parts;
  }
}

function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

/** Seconds as 0:07, 12:34 or 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds), two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
