/**
 * `reproduce --slurm`: an array of jobs for Slurm, as a script that a person can read, change and submit.
 *
 * @module
 */
import { InputError, UsageError } from "../errors.ts";
import { counted } from "./counted.ts";
import { MOST_JOBS } from "./reproduce_jobs.ts";
import { shellWord } from "./shell_word.ts";

/** What Slurm is asked for. */
export interface JobArray {
  /** Jobs in all, and how many of them at once; null for as many as there is room for. */
  jobs: number;
  atOnce: number | null;
  /** How long each may take. */
  time: string;
  /** What each has of the machine, GPUs for example; `none` for nothing. */
  gres: string;
}

/** `--array`: N, or N%M. @throws {UsageError} for anything else */
export function parseArray(text: string): Pick<JobArray, "jobs" | "atOnce"> {
  const [, jobs, atOnce] = /^(\d{1,9})(?:%(\d{1,9}))?$/.exec(text) ?? [];
  const isRight = Number(jobs) >= 1 && Number(jobs) <= MOST_JOBS && atOnce !== "0";
  if (isRight) return { jobs: Number(jobs), atOnce: atOnce === undefined ? null : Number(atOnce) };
  throw new UsageError(
    `Expected --array to be a number of jobs up to ${MOST_JOBS}, or N%M for M of them at once, but found ${
      JSON.stringify(text)
    }`,
  );
}

/** `--time`, as Slurm has it. @throws {UsageError} for anything else */
export function checkTime(text: string): string {
  if (/^(\d+-\d+(:\d+){0,2}|\d+(:\d+){0,2})$/.test(text)) return text;
  throw new UsageError(`Expected --time to be minutes, H:M:S or D-H:M:S, but found ${JSON.stringify(text)}`);
}

/** `--gres`, as Slurm has it. @throws {UsageError} for what can't be one */
export function checkGres(text: string): string {
  if (/^[\w:.,-]+$/.test(text)) return text;
  throw new UsageError(
    `Expected --gres to be NAME:COUNT, gpu:1 for example, or none, but found ${JSON.stringify(text)}`,
  );
}

/** A script of Slurm. */
export interface Script {
  array: JobArray;
  /** What the jobs are called. */
  name: string;
  /** How many models there are. */
  models: number;
  /** The command's words, but for which share it is. */
  command: readonly string[];
  /** The folder that it is run in, and those of the script and of what jobs print; full paths. */
  folder: string;
  path: string;
  logs: string;
}

/** Its text. @throws {InputError} where a path is one that can't be written there */
export function slurmScript({ array, name, models, command, folder, path, logs }: Script): string {
  for (const text of [...command, folder, path, logs]) {
    // deno-lint-ignore no-control-regex
    if (/[\x00-\x1f]/.test(text)) {
      throw new InputError(`Expected a path without line feeds for Slurm, but found ${JSON.stringify(text)}`);
    }
  }
  if (/["\\]/.test(logs)) {
    throw new InputError(`Expected a path without \\ and " for Slurm, but found ${logs}`);
  }
  const { jobs, atOnce, time, gres } = array;
  const words = command.map(shellWord).join(" ");
  return `#!/bin/sh
# ${counted(models, "model")} in ${
    counted(jobs, "job")
  }. To submit it, and once more whenever something is missing:
#   sbatch ${shellWord(path)}
# What is done is not done again, and what was begun is gone on with. The tables of what is done, at any time:
#   cd ${shellWord(folder)} && ${words} --table
#SBATCH --job-name=${name}
#SBATCH --array=1-${jobs}${atOnce === null ? "" : `%${atOnce}`}
#SBATCH --time=${time}
${gres === "none" ? "" : `#SBATCH --gres=${gres}\n`}#SBATCH --output="${logs.replaceAll("%", "%%")}/%A_%a.log"
#SBATCH --open-mode=append
# When a node fails, its jobs are run again. Two minutes before the time is over they are told to keep what they have.
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
cd ${shellWord(folder)} || exit
exec ${words} --job "$SLURM_ARRAY_TASK_ID/${jobs}"
`;
}
