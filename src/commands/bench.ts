/**
 * `adtr bench`: how fast kernels and models run here, held against what the adapter can do.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { bench } from "../bench/bench.ts";
import { formatRows } from "../bench/row.ts";
import { UsageError } from "../errors.ts";
import { addTune } from "./bench_tune.ts";
import { standardError } from "./progress.ts";

/** Adds the command. */
export function addBench(program: Command): void {
  const command = program.command("bench")
    .enablePositionalOptions() // `bench tune --json` is tune's
    .description(
      "Measures the adapter's own limits, then kernels at the model's shapes and whole models against them. " +
        "Takes some minutes on a software adapter.",
    )
    .option("--json", "print JSON")
    .option(
      "--only <PATTERN>",
      "only rows whose name and shape, as in `gemm 4096x256x1024`, match this regular expression",
    )
    .addHelpText("after", "\nExamples:\n  ./adtr bench --only gemm\n  ./adtr bench tune")
    .action(run);
  addTune(command);
}

async function run({ json, only }: { json?: true; only?: string }): Promise<void> {
  const output = standardError();
  const clear = output.isTerminal ? "\r\x1b[K" : "";
  const rows = await bench({
    only: only === undefined ? undefined : expression(only),
    onProgress(done, total, what) {
      const line = `${done + 1}/${total} ${what}`;
      output.write(output.isTerminal ? clear + line.slice(0, output.columns() - 1) : `${line}\n`);
    },
  });
  output.write(clear);
  console.log(json ? JSON.stringify(rows, null, 2) : formatRows(rows, { color: !Deno.noColor }).trimEnd());
}

function expression(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "i");
  } catch {
    throw new UsageError(`Expected --only to be a regular expression, but found ${pattern}`);
  }
}
