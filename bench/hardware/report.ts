/**
 * What was found, as it is found: lines are appended to hardware.log at once, and hardware.json is written anew with each
 * record, so that both are whole whenever the program dies.
 *
 * @module
 */
import { join } from "node:path";

/** How a part ended. */
export interface PartResult {
  /** `running` stays where the program itself was ended. */
  status: "running" | "done" | "failed" | "out of time";
  /** That it took, or has taken so far. */
  seconds: number;
  /** What its process printed as JSON, in order. */
  records: Record<string, unknown>[];
}

/** Log and results of one run in a folder. */
export class Report {
  /** All of hardware.json. */
  readonly results: Record<string, unknown> & { parts: Record<string, PartResult> };
  #log: string;
  #json: string;
  #began = performance.now();

  /** Makes the folder; what an earlier run left in it is overwritten. */
  constructor(folder: string, about: Record<string, unknown>) {
    Deno.mkdirSync(folder, { recursive: true });
    this.#log = join(folder, "hardware.log");
    this.#json = join(folder, "hardware.json");
    Deno.writeTextFileSync(this.#log, "");
    this.results = { ...about, parts: {} };
    this.#write();
  }

  /** Seconds since the beginning. */
  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** A line, or several, for people. */
  say(text: string): void {
    const stamp = `[${this.seconds.toFixed(1).padStart(6)}] `;
    const lines = text.split("\n").map((line) => `${stamp}${line}\n`).join("");
    Deno.writeTextFileSync(this.#log, lines, { append: true });
    Deno.stdout.writeSync(new TextEncoder().encode(lines));
  }

  /** Something about the whole run. */
  set(name: string, value: unknown): void {
    this.results[name] = value;
    this.#write();
  }

  /** A part begins. */
  begin(part: string): void {
    this.results.parts[part] = { status: "running", seconds: 0, records: [] };
    this.#write();
  }

  /** A part found something. */
  record(part: string, record: Record<string, unknown>): void {
    this.results.parts[part].records.push(record);
    this.#write();
  }

  /** A part ended. */
  end(part: string, status: PartResult["status"], seconds: number): void {
    Object.assign(this.results.parts[part], { status, seconds });
    this.#write();
  }

  #write(): void {
    this.results.seconds = this.seconds;
    Deno.writeTextFileSync(`${this.#json}.new`, JSON.stringify(this.results, null, 1));
    Deno.renameSync(`${this.#json}.new`, this.#json);
  }
}
