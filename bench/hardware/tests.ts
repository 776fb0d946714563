/**
 * The part `tests`: the tests of kernels and models on the adapter, each file in a process of its own, some at a time. One that
 * fails, hangs or brings its process down takes nothing else along.
 *
 * @module
 */
import { join, relative } from "node:path";
import { runDeno } from "./child.ts";
import { left, offline, tell, told } from "./part.ts";
import { testFiles } from "./test_files.ts";

const ROOT = join(import.meta.dirname!, "..", "..");
const QUICK = /kernel_test|each_test|columns_test|pool2d_test/;
const MOST_SECONDS = 60; // of a file

const options = told();
const { packed, others } = await testFiles(ROOT);
const files = packed.filter((path) => !options.quick || QUICK.test(path));
for (const path of others) tell({ file: relative(ROOT, path), status: "left out: needs what is not packed" });
const jobs = options.quick ? 1 : Math.max(1, Math.min(8, navigator.hardwareConcurrency / 2));

const waiting = [...files];
await Promise.all(Array.from({ length: Math.floor(jobs) }, async () => {
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    const seconds = Math.min(MOST_SECONDS, left(options));
    const file = relative(ROOT, path);
    tell(seconds < 2 ? { file, status: "not run: no time left" } : await runFile(path, file, seconds));
  }
}));

/** What went wrong, in a few lines. */
function messageIn(json: string): string {
  try {
    return `${JSON.parse(json).message}`.split("\n").slice(0, 4).join("\n");
  } catch {
    return json;
  }
}

async function runFile(path: string, file: string, seconds: number): Promise<Record<string, unknown>> {
  const began = performance.now();
  let passed = 0, ignored = 0, reason = "";
  const failures: { name: string; message: string }[] = [], stderr: string[] = [];
  const { status, isLate } = await runDeno({
    args: ["test", "-A", "--no-check", "--reporter=tap", ...offline(), path],
    cwd: ROOT,
    stdout(line) {
      const [, not, name, skip] = /^(not )?ok \d+ - (.*?)( # SKIP)?$/.exec(line) ?? [];
      const message = /^ *(\{"message":.*\})$/.exec(line)?.[1];
      if (not) failures.push({ name, message: "" });
      else if (name !== undefined) skip ? ignored++ : passed++;
      else if (message && failures.at(-1)?.message === "") failures.at(-1)!.message = messageIn(message);
      else if (message) reason = messageIn(message); // of a step, whose test is told of afterwards
    },
    stderr: (line) => stderr.push(line),
  }, seconds);
  const ended = isLate
    ? `ended after ${seconds.toFixed(0)} s`
    : status.success
    ? "passed"
    : failures.length > 0
    ? "failed"
    : `ended with ${status.signal ?? status.code}`;
  return {
    file,
    status: ended,
    seconds: (performance.now() - began) / 1000,
    passed,
    ignored,
    failures: failures.map(({ name, message }) => ({
      name,
      message: message.includes("step") ? reason : message,
    })),
    ...ended === "passed" ? {} : { stderr: stderr.slice(-8) },
  };
}
