/**
 * The program: its commands, and how they end. Exit code 0 done, 1 failed, 2 wrong usage, 130 interrupted.
 *
 * @module
 */
import { Command, CommanderError } from "npm:commander@^15.1.0";
import { addBench } from "./bench.ts";
import { addData } from "./data.ts";
import { addEval } from "./eval.ts";
import { explain, isUsage } from "./explain.ts";
import { addExport } from "./export.ts";
import { addFeatures } from "./features.ts";
import { addInfo } from "./info.ts";
import { INTERRUPTED, Stopped } from "./interrupt.ts";
import { methodIn } from "./options.ts";
import { addReproduce } from "./reproduce.ts";
import { addScore } from "./score.ts";
import { addServe } from "./serve.ts";
import { addThreshold } from "./threshold.ts";
import { addTrain } from "./train.ts";
import { VERSION } from "./version.ts";
import { addWeights } from "./weights.ts";

/** In what the operating system refused, a full disk for example. */
const SYSTEM_ERROR = / \(os error \d+\)/;

/**
 * Runs the command that the arguments name.
 *
 * @returns the exit code; whatever there is to say has been printed
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await program(methodIn(args)).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return report(error);
  }
}

/** @param method whose settings `--help` shows */
function program(method: string): Command {
  const root = new Command("adtr")
    .description(
      "Finds defects in images: a transformer learns to reconstruct features of normal images; " +
        "what it can't reconstruct in a new image is anomalous (ADTR).",
    )
    .version(VERSION)
    .exitOverride();
  for (
    const add of [
      addTrain,
      addEval,
      addScore,
      addThreshold,
      addServe,
      addFeatures,
      addExport,
      addData,
      addWeights,
      addReproduce,
      addBench,
      addInfo,
    ]
  ) {
    add(root, method);
  }
  return root.addHelpText("after", "\nExample, without any data at hand:\n  ./adtr train");
}

/** Prints what went wrong, in a line or two where it is the user's to mend. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has printed its message
  if (error instanceof Stopped) {
    console.error(error.message);
    return INTERRUPTED;
  }
  const message = explain(error);
  if (message !== null) {
    console.error(`error: ${message}`);
    return isUsage(error) ? 2 : 1;
  }
  if (error instanceof Error && SYSTEM_ERROR.test(error.message)) {
    console.error(`error: ${error.message.replace(SYSTEM_ERROR, "")}`);
    return 1;
  }
  console.error(error instanceof Error ? error.stack : error);
  return 1;
}
