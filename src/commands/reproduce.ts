/**
 * `adtr reproduce`: the paper's protocol over all categories, beside the paper's numbers.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { join } from "node:path";
import { InputError, UsageError } from "../errors.ts";
import { isThere, makeFolderForWork } from "../host/files.ts";
import { methods } from "../methods/registry.ts";
import { withRoi } from "../host/roi_file.ts";
import { SETTINGS as ALL_SETTINGS } from "../methods/resolve.ts";
import { whole } from "../methods/settings.ts";
import { PAPER_TABLES } from "../report/paper_numbers.ts";
import { makeMissing } from "./demo_data.ts";
import { withGpu } from "./gpu.ts";
import { Interrupt, Stopped } from "./interrupt.ts";
import { addSettings, checkedOption, givenSettings, methodHelp } from "./options.ts";
import { ProgressDisplay } from "./progress.ts";
import { failuresOf, gather, type Outcome } from "./reproduce_cells.ts";
import { cellName, cellsOf, shareOf, sharesOf } from "./reproduce_jobs.ts";
import { planReproduction, type ReproduceOptions, type ReproducePlan, TARGETS } from "./reproduce_plan.ts";
import { runReproduction } from "./reproduce_run.ts";
import { printPlan, printShare, writeScript } from "./reproduce_shares.ts";
import { checkGres, checkTime, parseArray } from "./reproduce_slurm.ts";
import { writeTables } from "./reproduce_tables.ts";
import { CONFIG } from "./run_category.ts";
import { weightsKeyOption } from "./weights_options.ts";

/** What a reproduction sets itself. */
const FIXED = ["method", "loss", "base_epochs", "shuffle", "architecture"];
const SETTINGS = [...ALL_SETTINGS.keys()].filter((name) => !FIXED.includes(name));
/** Methods and their variants. */
const NAMES = methods.flatMap(({ name, variants }) => [name, ...Object.keys(variants?.("folder") ?? {})]);

/** Ways to share it among jobs, of which one at most is asked for, and options that go with some of them. */
const MODES = ["plan", "job", "table", "slurm"] as const;
const WITH = { array: ["slurm", "plan"], time: ["slurm"], gres: ["slurm"] } as const;

/** The command's options. */
interface Options extends ReproduceOptions {
  json?: true;
  plan?: true;
  job?: string | true;
  table?: true;
  slurm?: true;
  array?: string;
  time?: string;
  gres?: string;
}

/** Adds the command. @param method whose settings `--help` shows */
export function addReproduce(program: Command, method: string): void {
  const command = program.command("reproduce")
    .summary("The paper's tables: all categories, ADTR and ADTR+, beside the paper's numbers.")
    .description(
      "Trains and tests ADTR and ADTR+ on all categories and prints the paper's tables with the paper's numbers beside " +
        "those found; `ablations` compares variants of ADTR. It can be stopped at any time: the same command goes on, " +
        "and does not do again what is done.",
    )
    .argument("<TARGET>", TARGETS.join(", "))
    .option("--data <ROOT>", "MVTec-AD's folder, or cifar10:PATH; the demo makes its own")
    .option("--category <A,B|all>", "which categories", "all")
    .option("--weights <FILE>", "the backbone's weights, safetensors or .pth")
    .addOption(weightsKeyOption())
    .option("--outliers <ROOT>", "irrelevant images for ADTR+ on CIFAR-10: cifar100:PATH or a folder")
    .option("--out <RUN>", "folder for the results (default: runs/reproduce-TARGET)")
    .option("--preset <NAME>", "paper, quick, small or demo (default: paper; with demo data demo)")
    .option(
      "--methods <A,B|all>",
      `which of ${NAMES.join(", ")}; or ${
        [...PAPER_TABLES.keys()].join(", ")
      }, the rows of a table of the paper ` +
        "(default: adtr,adtr+)",
    )
    .addOption(checkedOption("--seeds <N>", "seeds, for mean and standard deviation", whole(1, 1000), 1))
    .addOption(checkedOption("--plus-epochs <N>", "epochs of ADTR+, which begins with ADTR", whole(1)))
    .option("--json", "print JSON")
    .option("--plan", "list the jobs that it can be shared among, and what is done; runs nothing")
    .option(
      "--job [K/N]",
      "run the K-th of N shares, beside other jobs; without K/N the place in Slurm's array",
    )
    .option("--table", "gather what is done into the tables; runs nothing")
    .option("--slurm", "write RUN/slurm/jobs.sh, an array of jobs to submit; runs nothing")
    .option(
      "--array <N[%M]>",
      "with --slurm or --plan: how many jobs, M at once (default: the most there can be)",
    )
    .option("--time <T>", "with --slurm: how long a job may take, as Slurm has it (default: 24:00:00)")
    .option("--gres <G>", "with --slurm: what a job has of a machine, or none (default: gpu:1)");
  addSettings(command, { method, names: SETTINGS })
    .addHelpText(
      "after",
      methodHelp("reproduce TARGET", method) + "\n\nExamples:\n  ./adtr reproduce demo --seeds 3" +
        "\n  ./adtr reproduce mvtec --data mvtec --weights efficientnet_b4.pth" +
        "\n  ./adtr reproduce cifar10 --data cifar10:cifar-10-binary.tar.gz --outliers cifar100:cifar-100-binary.tar.gz " +
        "--weights efficientnet_b4.pth" +
        "\n  ./adtr reproduce mvtec --data mvtec --weights efficientnet_b4.pth --slurm",
    )
    .action(reproduce);
}

async function reproduce(target: string, options: Options, command: Command): Promise<void> {
  refuseTogether(options);
  const array = options.array === undefined ? undefined : parseArray(options.array);
  const time = checkTime(options.time ?? "24:00:00"), gres = checkGres(options.gres ?? "gpu:1");
  const share = options.job === undefined ? null : shareOf(options.job, (name) => Deno.env.get(name));
  const plan = await planReproduction(
    target,
    await withRoi(givenSettings({ ...options }, SETTINGS)),
    options,
  );
  if (await isThere(join(plan.out, CONFIG))) {
    throw new InputError(
      `Expected --out to be a folder for reproductions, but found a run of train in ${plan.out}`,
    );
  }
  if (options.plan) return await printPlan(plan, array?.jobs, options.json === true);
  if (options.table) return await gatherTables(plan, options);
  if (options.slurm) {
    return await writeScript(plan, { atOnce: null, ...array, time, gres }, wordsOf(target, command));
  }
  const cells = share === null ? cellsOf(plan) : sharesOf(plan, share.of)[share.job - 1];
  const display = new ProgressDisplay();
  using _out = await makeFolderForWork(plan.out);
  if (plan.isDemo) {
    await makeMissing(plan.data, new Set(cells.map(({ category }) => category)), plan.pictureSize);
  }
  using interrupt = new Interrupt(() => display.warn("stopping … (Ctrl-C again ends it at once)"));
  const outcome = await withGpu((gpu) => runReproduction(plan, cells, gpu, display, interrupt.signal))
    .finally(() => display.finish());
  if (outcome === null) throw new Stopped("stopped; the same command goes on");
  // Of jobs that end at once one may have looked too early, and write last.
  if (share === null) await writeTables(plan, outcome, options);
  else printShare(plan, share, outcome, options.json === true);
  tellMissing(outcome, "being made by another run", display);
  failWhere(outcome, cells.length);
}

/** @throws {UsageError} where options don't go together */
function refuseTogether(options: Options): void {
  const given = MODES.filter((name) => options[name] !== undefined).map((name) => `--${name}`);
  if (given.length > 1) {
    throw new UsageError(
      `Expected one of ${MODES.map((name) => `--${name}`).join(", ")}, but found ${given.join(" and ")}`,
    );
  }
  for (const [name, modes] of Object.entries(WITH)) {
    if (options[name as keyof typeof WITH] === undefined || modes.some((mode) => options[mode])) continue;
    throw new UsageError(
      `Expected --${name} with ${modes.map((mode) => `--${mode}`).join(" or ")} only, but found it without`,
    );
  }
}

/** The command line again, but for what says how it is shared. */
function wordsOf(target: string, command: Command): string[] {
  const given = command.options.filter((option) =>
    command.getOptionValueSource(option.attributeName()) === "cli" &&
    ![...MODES, ...Object.keys(WITH), "json"].includes(option.attributeName())
  );
  return [
    "reproduce",
    target,
    ...given.flatMap((option) => {
      const value = command.getOptionValue(option.attributeName());
      return typeof value === "boolean" ? [option.long!] : [option.long!, String(value)];
    }),
  ];
}

/** `--table`: the tables of what is done. */
async function gatherTables(plan: ReproducePlan, options: Options): Promise<void> {
  if (!await isThere(plan.out)) {
    throw new InputError(`Expected models in ${plan.out}, but found no such folder`);
  }
  const cells = cellsOf(plan), outcome = await gather(plan, cells);
  await writeTables(plan, outcome, options);
  tellMissing(outcome, "not done yet", new ProgressDisplay());
  failWhere(outcome, cells.length);
}

function tellMissing({ missing }: Outcome, why: string, display: ProgressDisplay): void {
  if (missing.length === 0) return;
  const models = missing.length === 1 ? "1 model is" : `${missing.length} models are`;
  display.warn(
    `${models} ${why}, and missing in the tables:\n${missing.map(cellName).join("\n")}\n` +
      "The same command adds what is done.",
  );
}

/** @throws {InputError} naming all that failed, where something did */
function failWhere(outcome: Outcome, models: number): void {
  const failures = failuresOf(outcome);
  if (failures.length === 0) return;
  throw new InputError(`${failures.length} of ${models} models failed:\n${failures.join("\n")}`);
}
