/**
 * Many machines at one reproduction, as `reproduce` tells and prepares it: the list of jobs, what came of a share, and the
 * script for Slurm.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../errors.ts";
import { isThere, makeFolder } from "../host/files.ts";
import { table } from "../report/table.ts";
import { counted } from "./counted.ts";
import { cellFolder, failuresOf, isDone, type Outcome } from "./reproduce_cells.ts";
import { cellName, cellsOf, mostJobs, type Share, sharesOf } from "./reproduce_jobs.ts";
import type { ReproducePlan } from "./reproduce_plan.ts";
import { type JobArray, slurmScript } from "./reproduce_slurm.ts";
import { writeText } from "./results.ts";
import { shellWord } from "./shell_word.ts";

/** Prints which share has which models, and what of them is done. @param count how many shares; by default the most */
export async function printPlan(
  plan: ReproducePlan,
  count: number | undefined,
  json: boolean,
): Promise<void> {
  const of = count ?? mostJobs(plan);
  const jobs = await Promise.all(
    sharesOf(plan, of).map(async (cells, i) => ({
      job: i + 1,
      models: await Promise.all(cells.map(async (cell) => ({
        method: cell.entry.name,
        category: cell.category,
        seed: cell.seed,
        begins_with: cell.entry.base ?? null,
        folder: cellFolder(plan, cell.entry.name, cell),
        done: await isDone(plan, cell),
      }))),
    })),
  );
  if (json) {
    console.log(JSON.stringify({ target: plan.target, out: plan.out, jobs }, null, 2));
    return;
  }
  const rows = jobs.flatMap(({ job, models }) =>
    models.map(({ method, category, seed, begins_with, done }) => [
      ...[`${job}/${of}`, method, category, String(seed), begins_with ?? "", done ? "done" : ""],
    ])
  );
  console.log(table(rows, ["job", "method", "category", "seed", "begins with", ""]));
  const done = jobs.flatMap(({ models }) => models).filter(({ done }) => done).length;
  console.log(`${counted(rows.length, "model")} in ${counted(of, "job")}, ${done} done`);
}

/** Prints what came of a share. */
export function printShare(plan: ReproducePlan, { job, of }: Share, outcome: Outcome, json: boolean): void {
  const { results, failures, missing } = outcome, all = results.length + failures.length + missing.length;
  console.log(
    json
      ? JSON.stringify(
        {
          target: plan.target,
          job,
          of,
          done: results.map(cellName),
          failures: failuresOf(outcome),
          missing: missing.map(cellName),
        },
        null,
        2,
      )
      : `Job ${job}/${of}: ${results.length} of ${
        counted(all, "model")
      } done, in ${plan.out}; --table has the tables`,
  );
}

/** Writes RUN/slurm/jobs.sh, and prints how to submit it. @param words the command line's, without how to share it */
export async function writeScript(
  plan: ReproducePlan,
  array: Omit<JobArray, "jobs"> & { jobs?: number },
  words: readonly string[],
): Promise<void> {
  const { weights, out, target } = plan;
  if (weights !== undefined && !await isThere(weights)) {
    throw new InputError(`Expected the backbone's weights in ${weights}, but found no such file`);
  }
  const models = cellsOf(plan).length, jobs = array.jobs ?? mostJobs(plan);
  const logs = join(out, "slurm"), path = join(logs, "jobs.sh");
  const text = slurmScript({
    array: { ...array, jobs },
    name: `adtr-${target}`,
    models,
    command: [...await program(), ...words],
    folder: Deno.cwd(),
    path: resolve(path),
    logs: resolve(logs),
  });
  await makeFolder(logs); // Slurm doesn't, and jobs would end without a word
  await writeText(path, text);
  console.log(
    `${counted(models, "model")} in ${counted(jobs, "job")}. To submit them:\n  sbatch ${shellWord(path)}`,
  );
}

/** How this program is started: by its launcher, where it is in a clone. */
async function program(): Promise<string[]> {
  if (Deno.mainModule.startsWith("file:")) {
    const launcher = join(fileURLToPath(Deno.mainModule), "..", "adtr");
    if (await isThere(launcher)) return [launcher];
  }
  return ["deno", "run", "-A", Deno.mainModule];
}
