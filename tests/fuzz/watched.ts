/**
 * Reads files in a process of its own (child.ts) and looks at it from outside: that it ends, and ends soon. A process that
 * does not is killed, and the next file gets another. A thread would not do: one that runs out of memory takes the whole program
 * with it.
 *
 * @module
 */
import { join } from "node:path";
import type { Bytes } from "./mutations.ts";
import type { ReaderName } from "./readers.ts";

/** What is to be read. */
export interface Job {
  kind: ReaderName;
  path: string;
  seed: string;
}

/** What came of it. */
export interface Outcome {
  /** What must not be; null where all is well. */
  fault: string | null;
  /** What an error said of the file; null where it was read. */
  refusal: string | null;
  /** Milliseconds of the processor that it took. */
  ms: number;
  /** Bytes of memory that it took. */
  memory: number;
}

/** A file by what it is called. */
export type Sound = readonly [seed: string, bytes: Bytes];

/** Seconds of the processor that a file may take; and of the clock, where the machine does other things or nobody works. */
const MOST_SECONDS = 5, MOST_WAITED = 60;
/** Of V8's heap, MiB: more is a crash. Buffers are not in it. */
const HEAP = 1024;

/** Such a process, started when it is needed; it ends with its scope (`await using`). */
export class WatchedReader implements AsyncDisposable {
  readonly #folder: string;
  readonly #most: number;
  /** Kinds for which the process has loaded what it takes. */
  readonly #warm = new Set<ReaderName>();
  #child: Deno.ChildProcess | null = null;
  #lines: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #jobs: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #said: Promise<string> = Promise.resolve("");

  private constructor(folder: string, most: number) {
    [this.#folder, this.#most] = [folder, most];
  }

  /** A reader with a folder for its files. @param most seconds of the processor that each may take */
  static async start(most = MOST_SECONDS): Promise<WatchedReader> {
    return new WatchedReader(await Deno.makeTempDir({ prefix: "adtr-fuzz-" }), most);
  }

  /**
   * Reads a file.
   *
   * @param seed what it was before it was damaged
   * @param sound a file that is not, for which all is loaded first that the kind takes: that is no other file's time
   */
  async read(kind: ReaderName, seed: string, bytes: Bytes, sound: Sound): Promise<Outcome> {
    if (this.#child === null) this.#spawn();
    if (!this.#warm.has(kind)) {
      const outcome = await this.#ask(kind, ...sound, MOST_WAITED);
      if (this.#child === null) return outcome;
      this.#warm.add(kind);
    }
    return await this.#ask(kind, seed, bytes, this.#most);
  }

  /** @param most seconds of the processor */
  async #ask(kind: ReaderName, seed: string, bytes: Bytes, most: number): Promise<Outcome> {
    const path = join(this.#folder, `damaged.${kind}`);
    await Deno.writeFile(path, bytes);
    const job = JSON.stringify({ kind, path, seed } satisfies Job) + "\n";
    await this.#jobs!.write(new TextEncoder().encode(job)).catch(() => {}); // it has ended: that is seen below
    const line = await this.#answer(most);
    if (line.text.endsWith("\n")) return JSON.parse(line.text);
    const said = await this.#end();
    const fault = line.late ? `more than ${most} s` : `the end of the process: ${said.slice(-2000)}`;
    return { fault, refusal: null, ms: line.ms, memory: 0 };
  }

  /** A line, or less where the process ended or took too long. */
  async #answer(most: number): Promise<{ text: string; late: boolean; ms: number }> {
    const begin = performance.now(), used = await this.#seconds();
    const decoder = new TextDecoder(), child = this.#child!;
    let text = "", late = false, over = false;
    const timer = setInterval(async () => {
      const waited = (performance.now() - begin) / 1000;
      if (waited < most || waited < MOST_WAITED && await this.#seconds() - used < most) return;
      if (over) return;
      late = true;
      child.kill("SIGKILL");
    }, 500);
    try {
      while (!text.endsWith("\n")) {
        const { done, value } = await this.#lines!.read();
        if (done) break;
        text += decoder.decode(value, { stream: true });
      }
    } finally {
      over = true;
      clearInterval(timer);
    }
    return { text, late, ms: performance.now() - begin };
  }

  /** Seconds of the processor that the process has used; where the system doesn't tell, infinitely many. */
  async #seconds(): Promise<number> {
    try {
      const stat = await Deno.readTextFile(`/proc/${this.#child!.pid}/stat`);
      const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13).map(Number);
      return (user + system) / 100;
    } catch {
      return Infinity;
    }
  }

  #spawn(): void {
    this.#warm.clear();
    const args = ["run", "-A", "--no-check", `--v8-flags=--expose-gc,--max-heap-size=${HEAP}`];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...args, join(import.meta.dirname!, "child.ts")],
      env: { NODEVICE_SELECT: "1", NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = this.#child.stdout.getReader();
    this.#jobs = this.#child.stdin.getWriter();
    this.#said = new Response(this.#child.stderr).text();
  }

  /** Ends the process. @returns what it said of its end */
  async #end(): Promise<string> {
    const child = this.#child;
    if (child === null) return "";
    this.#child = null;
    await this.#jobs!.close().catch(() => {}); // it may be gone already
    await this.#lines!.cancel();
    const [said] = await Promise.all([this.#said, child.status]);
    return said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
