/**
 * `adtr bench tune`: looks for better tiles, and prints them as rows for the kernels' tables.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { formatTuning } from "../bench/tune/format.ts";
import { tune } from "../bench/tune/tune.ts";
import { whole } from "../methods/settings.ts";
import { checkedOption } from "./options.ts";
import { standardError } from "./progress.ts";

/** Adds the command to `bench`. */
export function addTune(bench: Command): void {
  bench.command("tune")
    .description(
      "Tries other tiles of products, attention and convolutions at ADTR's shapes on this adapter. Each one's " +
        "result is checked first. Prints rows for the tables in src/kernels; changes nothing.",
    )
    .option("--json", "print JSON")
    .addOption(
      checkedOption(
        "--seconds <N>",
        "when to stop; what the tables have is tried first in any case",
        whole(1, 86_400),
        170,
      ),
    )
    .addHelpText("after", "\nExample:\n  ./adtr bench tune")
    .action(run);
}

async function run({ json, seconds }: { json?: true; seconds: number }): Promise<void> {
  const output = standardError(), clear = output.isTerminal ? "\r\x1b[K" : "";
  const tuning = await tune({
    seconds,
    onProgress: (what) =>
      void output.write(output.isTerminal ? clear + what.slice(0, output.columns() - 1) : `${what}\n`),
  });
  output.write(clear);
  console.log(
    json ? JSON.stringify(tuning, null, 2) : formatTuning(tuning, { color: !Deno.noColor }).trimEnd(),
  );
}
