/**
 * A part's process: what it prints goes to the report as it comes, and at its time limit it and all that it started are
 * ended. And the programs that parts run.
 *
 * @module
 */
import type { PartResult, Report } from "./report.ts";

/** What to run. */
export interface Child {
  part: string;
  command: string;
  args: readonly string[];
  env: Record<string, string>;
  /** After which it is ended. */
  seconds: number;
}

const GRACE = 3; // seconds that what was ended has to go

const running = new Set<number>();

/**
 * Runs a part to its end or its time limit. Lines that are JSON objects become records, others lines of the log.
 *
 * @returns how it ended
 */
export async function runChild(report: Report, child: Child): Promise<PartResult["status"]> {
  const { part, command, args, env, seconds } = child, began = report.seconds;
  report.begin(part);
  report.say(`=== ${part}, at most ${seconds.toFixed(0)} s`);
  let status: PartResult["status"] = "failed";
  try {
    const options = { args: [...args], env, stdout: "piped", stderr: "piped", stdin: "null", detached: true };
    const process = new Deno.Command(command, options as Deno.CommandOptions).spawn();
    running.add(process.pid);
    let outOfTime = false;
    const late = Promise.withResolvers<void>();
    let timer = setTimeout(() => {
      outOfTime = true;
      endGroup(process.pid);
      timer = setTimeout(late.resolve, 1000 * GRACE);
    }, 1000 * seconds);
    const ended = Promise.all([
      process.status,
      eachLine(process.stdout, (line) => take(report, part, line)),
      eachLine(process.stderr, (line) => report.say(`${part}: ${line}`)),
    ]);
    // A process that sits in a driver may outlive its end; nothing waits for it.
    const [{ code, signal } = { code: 1, signal: null }] = await Promise.race([ended, late.promise]) ?? [];
    clearTimeout(timer);
    endGroup(process.pid); // what it may have left behind
    running.delete(process.pid);
    status = outOfTime ? "out of time" : code === 0 ? "done" : "failed";
    if (status === "failed") report.say(`${part} ended with ${signal ?? `code ${code}`}`);
  } catch (error) {
    report.say(`${part} could not be run: ${(error as Error).message}`);
  }
  report.end(part, status, report.seconds - began);
  report.say(`=== ${part}: ${status} after ${(report.seconds - began).toFixed(1)} s`);
  return status;
}

/** Ends whatever still runs. */
export function endAll(): void {
  running.forEach(endGroup);
}

/** A process that leads a group, and the group. */
function endGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch { /* it has ended */ }
}

function take(report: Report, part: string, line: string): void {
  const record = recordIn(line);
  if (record) report.record(part, record);
  else report.say(line);
}

/** The JSON object that a line is, or null. */
export function recordIn(line: string): Record<string, unknown> | null {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** What a program was started with, and who is told what it prints, line by line. */
export interface Program extends Pick<Deno.CommandOptions, "args" | "cwd" | "env"> {
  stdout(line: string): void;
  stderr(line: string): void;
}

/** Runs Deno to its end, or kills it after so many seconds. */
export async function runDeno(
  { stdout, stderr, ...options }: Program,
  seconds: number,
): Promise<{ status: Deno.CommandStatus; isLate: boolean }> {
  const child = new Deno.Command(Deno.execPath(), {
    ...options,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, 1000 * seconds);
  const [status] = await Promise.all([
    child.status,
    eachLine(child.stdout, stdout),
    eachLine(child.stderr, stderr),
  ]);
  clearTimeout(timer);
  return { status, isLate };
}

/** Calls with every line of a stream, without what ends it. */
export async function eachLine(
  stream: ReadableStream<Uint8Array>,
  call: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    lines.forEach(call);
  }
  if (rest !== "") call(rest);
}
