/**
 * PyTorch in a process of its own, torch_peer.py, that does one thing after the other as it is asked to.
 *
 * @module
 */
import { join } from "node:path";
import { eachLine } from "./child.ts";

/** What it answers to a request. */
export interface Answer {
  ms?: number;
  cold_ms?: number;
  error?: string;
}

/** The process. */
export class Torch {
  /** Its version and device, as it says. */
  readonly about: unknown;
  #child: Deno.ChildProcess;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #next: () => Promise<string | null>;

  private constructor(
    child: Deno.ChildProcess,
    writer: WritableStreamDefaultWriter<Uint8Array>,
    next: () => Promise<string | null>,
    about: unknown,
  ) {
    this.#child = child;
    this.#writer = writer;
    this.#next = next;
    this.about = about;
  }

  /** Starts it, and waits until it says what it is. @throws {Error} where it ends before */
  static async start(python: string): Promise<Torch> {
    const child = new Deno.Command(python, {
      args: [join(import.meta.dirname!, "torch_peer.py")],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines: string[] = [];
    let wake = () => {}, ended = false;
    eachLine(child.stdout, (line) => {
      lines.push(line);
      wake();
    }).finally(() => {
      ended = true;
      wake();
    });
    const next = async () => {
      while (lines.length === 0 && !ended) await new Promise<void>((done) => wake = done);
      return lines.shift() ?? null;
    };
    const first = await next();
    if (first === null) throw new Error(`${python} ended before it had PyTorch; its message is above`);
    return new Torch(child, child.stdin.getWriter(), next, JSON.parse(first));
  }

  /** One request, one answer; an error where it has ended. */
  async ask(request: Record<string, unknown>): Promise<Answer> {
    try {
      await this.#writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    } catch {
      return { error: "PyTorch's process ended" };
    }
    const line = await this.#next();
    return line === null ? { error: "PyTorch's process ended" } : JSON.parse(line);
  }

  /** Ends it. */
  async close(): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#child.status;
  }
}
