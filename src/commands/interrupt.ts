/**
 * Ctrl-C: the first asks the work to save and stop, the second ends the program at once.
 *
 * @module
 */

/** The exit code of a program that was interrupted. */
export const INTERRUPTED = 130;

/** The work was stopped on request and can be gone on with. The message says how. */
export class Stopped extends Error {
  override name = "Stopped";
}

const SIGNALS: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** Listens while it is in scope (`using`). */
export class Interrupt implements Disposable {
  #controller = new AbortController();

  /** @param notify called at the first signal, for a word to the user */
  constructor(private notify: () => void) {
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#listen);
  }

  /** What to throw for an error: that the work was stopped, where the error is this stop. @param left what it left */
  explained(error: unknown, left = "nothing was written"): unknown {
    return this.is(error) ? new Stopped(`stopped; ${left}`) : error;
  }

  /** Whether an error is this stop. */
  is(error: unknown): boolean {
    return this.signal.aborted && error === this.signal.reason;
  }

  /** Aborted at the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #listen = (): void => {
    if (this.signal.aborted) Deno.exit(INTERRUPTED);
    this.notify();
    this.#controller.abort();
  };

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#listen);
  }
}
