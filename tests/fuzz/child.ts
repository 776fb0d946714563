/**
 * The process that reads damaged files, one after another, so that whatever they do to it is seen from outside: for each, a
 * line of JSON comes in and one goes out (watched.ts).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { dirname } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { InputError } from "../../src/errors.ts";
import { type FileReader, READERS } from "./readers.ts";
import type { Job, Outcome } from "./watched.ts";

/** Characters and lines that a message may have, beside the file's name. */
const LONGEST = 1000, LINES = 4;
/** Bytes that may lie around of earlier files: what is in use is not asked for again, and would not be seen. */
const LEFT = 2 ** 29;

const printed: string[] = [];
for (const name of ["log", "warn", "error", "info", "debug"] as const) {
  console[name] = (...what: unknown[]) => printed.push(what.join(" "));
}

const collect = (globalThis as unknown as { gc(): void }).gc;

/** Resident memory of this process, bytes: now, and the most since `forgetPeak`; where the system doesn't tell, now. */
function resident(): { now: number; peak: number } {
  if (Deno.build.os !== "linux") {
    const now = Deno.memoryUsage().rss;
    return { now, peak: now };
  }
  const status = Deno.readTextFileSync("/proc/self/status");
  const kib = (name: string) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]);
  return { now: kib("VmRSS"), peak: kib("VmHWM") };
}

function forgetPeak(): void {
  if (Deno.build.os === "linux") Deno.writeTextFileSync("/proc/self/clear_refs", "5");
}

async function work({ kind, path, seed }: Job): Promise<Outcome> {
  const reader: FileReader = READERS[kind], folder = await Deno.makeTempDir({ dir: dirname(path) });
  const file = { bytes: Deno.readFileSync(path), path, seed, folder };
  const named = reader.named?.(file) ?? path;
  if (resident().now > LEFT) collect();
  forgetPeak();
  const before = resident().now, begin = process.cpuUsage();
  let fault: string | null = null, refusal: string | null = null;
  try {
    await reader.read(file);
  } catch (error) {
    if (!(error instanceof InputError)) {
      fault = `a fault of the program: ${error instanceof Error ? error.stack : String(error)}`;
    } else {
      refusal = error.message.replaceAll(named, "FILE");
      if (!error.message.includes(named)) fault = `an error that does not name the file: ${error.message}`;
      else if (refusal.length > LONGEST) {
        fault = `an error of ${refusal.length} characters: ${refusal.slice(0, 200)}`;
      } else if (refusal.split("\n").length > LINES) fault = `an error of many lines: ${refusal}`;
    }
  }
  const { user, system } = process.cpuUsage(begin), ms = (user + system) / 1000;
  const memory = resident().peak - before;
  if (memory > reader.memory) fault ??= `${Math.round(memory / 2 ** 20)} MiB of memory`;
  const said = printed.splice(0).join("\n");
  if (said !== "") fault ??= `something printed: ${said}`;
  await Deno.remove(folder, { recursive: true });
  return { fault, refusal, ms, memory };
}

for await (const line of createInterface({ input: process.stdin })) {
  const outcome = await work(JSON.parse(line));
  Deno.stdout.writeSync(Buffer.from(JSON.stringify(outcome) + "\n"));
}
