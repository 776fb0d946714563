/**
 * How a reproduction is shared among jobs: what is dealt, how jobs find their share, the list, the tables of what is done,
 * and the script for Slurm.
 *
 * @module
 */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { cellName, cellsOf, mostJobs, shareOf, sharesOf } from "../../src/commands/reproduce_jobs.ts";
import { planReproduction, type ReproducePlan } from "../../src/commands/reproduce_plan.ts";
import { parseArray, slurmScript } from "../../src/commands/reproduce_slurm.ts";
import { makeDataset } from "../../src/host/make_dataset.ts";
import { adtr, test } from "./adtr.ts";

const plan = (methods: string, category: string, seeds = 1): Promise<ReproducePlan> =>
  planReproduction("demo", {}, { category, seeds, methods });

Deno.test("every model is in one share, behind what it begins with, and methods are dealt evenly", async () => {
  const all = await plan("adtr+,knn,padim", "grid,weave,leather,tile,wood", 2),
    names = cellsOf(all).map(cellName);
  equal(names.length, 5 * (2 + 2 + 1 + 2));
  for (const jobs of [1, 2, 3, 4, 7, 25, 40]) {
    const shares = sharesOf(all, jobs);
    deepEqual(shares.flat().map(cellName).sort(), names.toSorted());
    for (const share of shares) {
      const own = share.map(cellName);
      deepEqual(own, names.filter((name) => own.includes(name)), "the order of all");
      for (const { entry: { base }, category, seed } of share) {
        ok(
          base === undefined ||
            share.some((cell) =>
              cell.entry.name === base && cell.category === category && cell.seed === seed
            ),
        );
      }
    }
    for (const method of ["adtr", "adtr+", "knn", "padim"]) {
      const counts = shares.map((share) => share.filter(({ entry }) => entry.name === method).length);
      ok(Math.max(...counts) - Math.min(...counts) <= 1, `${method} among ${jobs}: ${counts}`);
    }
  }
  equal(mostJobs(all), 25);
  equal(sharesOf(all, 25).every(({ length }) => length > 0), true);
});

/** The environment of a job in an array. */
const array = (ID: number, COUNT: number, MIN: number, MAX: number, STEP?: number) => (name: string) => {
  const values: Record<string, number | undefined> = { ID, COUNT, MIN, MAX, STEP };
  return values[name.replace("SLURM_ARRAY_TASK_", "")]?.toString();
};

Deno.test("a job's share is what --job says, or its place in an array, whatever number that begins with", () => {
  const nothing = () => undefined;
  deepEqual(shareOf("1/1", nothing), { job: 1, of: 1 });
  deepEqual(shareOf("3/4", array(0, 2, 0, 1)), { job: 3, of: 4 });
  deepEqual(shareOf(true, array(0, 4, 0, 3)), { job: 1, of: 4 });
  deepEqual(shareOf(true, array(3, 4, 0, 3, 1)), { job: 4, of: 4 });
  deepEqual(shareOf(true, array(1, 4, 1, 4)), { job: 1, of: 4 });
  deepEqual(shareOf(true, array(9, 3, 5, 9, 2)), { job: 3, of: 3 });
  for (
    const text of ["0/4", "5/4", "1/0", "0/0", "4", "1/4/2", "-1/4", "1.5/4", "a/b", "", " 1/4", "1/9999999"]
  ) {
    throws(() => shareOf(text, nothing), {
      name: "UsageError",
      message: /^Expected --job to be K\/N, .*found "/,
    });
  }
  throws(() => shareOf(true, nothing), { message: /^Expected --job K\/N, or .*SLURM_ARRAY_TASK_ID unset$/ });
  throws(() => shareOf(true, array(1, -4, 1, 4)), { message: /found SLURM_ARRAY_TASK_COUNT "-4"$/ });
  throws(() => shareOf(true, array(7, 2, 3, 9)), { message: /^Expected --job K\/N in an array with gaps, / });
  throws(() => shareOf(true, array(5, 2, 3, 7, 4)), {
    message: /with gaps, but found job 5 of 2 from 3 to 7$/,
  });
});

const script = {
  array: { jobs: 3, atOnce: 2, time: "1-0", gres: "gpu:1" },
  name: "adtr-demo",
  models: 6,
  command: ["/a/adtr", "reproduce", "demo", "--out", "b c"],
  folder: "/home/it's",
  path: "/home/it's/b c/slurm/jobs.sh",
  logs: "/home/it's/100%/slurm",
};

Deno.test("the script for Slurm is a shell script with its directives first, and paths of any kind in quotes", async () => {
  const lines = slurmScript(script).split("\n"), first = lines.findIndex((line) => !line.startsWith("#"));
  equal(lines[0], "#!/bin/sh");
  deepEqual(lines.filter((line) => line.startsWith("#SBATCH")), [
    "#SBATCH --job-name=adtr-demo",
    "#SBATCH --array=1-3%2",
    "#SBATCH --time=1-0",
    "#SBATCH --gres=gpu:1",
    `#SBATCH --output="/home/it's/100%%/slurm/%A_%a.log"`,
    "#SBATCH --open-mode=append",
    "#SBATCH --requeue",
    "#SBATCH --signal=B:TERM@120",
  ]);
  deepEqual(lines.slice(first), [
    `cd '/home/it'\\''s' || exit`,
    `exec /a/adtr reproduce demo --out 'b c' --job "$SLURM_ARRAY_TASK_ID/3"`,
    "",
  ]);
  const shell = new Deno.Command("sh", { args: ["-n"], stdin: "piped" }).spawn();
  const writer = shell.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.join("\n")));
  await writer.close();
  equal((await shell.status).code, 0);
  const plain = slurmScript({ ...script, array: { jobs: 1, atOnce: null, time: "60", gres: "none" } });
  match(plain, /^# 6 models in 1 job\./m);
  match(plain, /^#SBATCH --array=1-1$/m);
  ok(!plain.includes("gres"));
  for (const logs of ["/a\nb", '/a"b', "/a\\b"]) {
    throws(() => slurmScript({ ...script, logs }), { name: "InputError" });
  }
  deepEqual(parseArray("1000"), { jobs: 1000, atOnce: null });
  for (const text of ["1001", "0", "4%0", "1-4", ""]) {
    throws(() => parseArray(text), {
      name: "UsageError",
      message: /^Expected --array to be a number of jobs up to 1000/,
    });
  }
});

const KNN = ["--backbone", "gabor", "--image-size", "32", "--feature-size", "4", "--methods", "knn,gaussian"];

test("jobs make their shares; the list says what is done, and tables are of that, down to the bytes of one run", async (folder) => {
  await makeDataset(join(folder, "d"), {
    categories: ["grid", "weave"],
    size: 32,
    train: 4,
    testGood: 2,
    testPerDefect: 1,
  });
  const args = ["reproduce", "mvtec", "--data", "d", ...KNN];
  const run = async (...more: string[]) => {
    const ended = await adtr(folder, ...args, ...more);
    equal(ended.code, 0, ended.stderr);
    return ended;
  };
  const listed = await run("--plan");
  match(listed.stdout, /^1\/4 +knn +grid +0$/m);
  match(listed.stdout, /\n4 models in 4 jobs, 0 done\n$/);
  await Promise.all(["1/3", "2/3"].map(async (share) => {
    const { stdout } = await run("--job", share);
    match(stdout, new RegExp(`^Job ${share}: [12] of [12] models? done, in runs`));
  }));
  const part = await run("--table");
  match(
    part.stderr,
    /^1 model is not done yet, and missing in the tables:\ngaussian on grid with seed 0\nThe same command adds/,
  );
  const { missing } = JSON.parse(await Deno.readTextFile(join(folder, "runs/reproduce-mvtec/table.json")));
  deepEqual(missing, ["gaussian on grid with seed 0"]);
  const { jobs } = JSON.parse((await run("--plan", "--array", "3", "--json")).stdout);
  deepEqual(
    jobs.map(({ models }: { models: { done: boolean }[] }) => models.map(({ done }) => done)),
    [[true, true], [true], [false]],
  );
  const variables = Object.fromEntries(
    Object.entries({ ID: 2, COUNT: 3, MIN: 0, MAX: 2 }).map((
      [name, n],
    ) => [`SLURM_ARRAY_TASK_${name}`, `${n}`]),
  );
  const last = await adtr(folder, ...args, "--job", "--json", variables);
  equal(last.code, 0, last.stderr);
  deepEqual(JSON.parse(last.stdout), {
    target: "mvtec",
    job: 3,
    of: 3,
    done: ["gaussian on grid with seed 0"],
    failures: [],
    missing: [],
  });
  equal((await run("--table")).stderr, "");
  await run("--out", "whole");
  for (const name of ["table.md", "table.csv", "table.json"]) {
    const [shared, whole] = await Promise.all(
      ["runs/reproduce-mvtec", "whole"].map((out) => Deno.readTextFile(join(folder, out, name))),
    );
    equal(shared, whole, name);
  }
  const other = await adtr(folder, ...args, "--sigma", "2", "--table");
  equal(other.code, 1);
  match(other.stderr, /^error: Expected to go on with .*config\.json, where sigma is 0, but found 2\./);

  const written = await run("--slurm", "--gres", "none", "--array", "4");
  match(
    written.stdout,
    /^4 models in 4 jobs\. To submit them:\n +sbatch runs\/reproduce-mvtec\/slurm\/jobs\.sh\n$/,
  );
  const text = await Deno.readTextFile(join(folder, "runs/reproduce-mvtec/slurm/jobs.sh"));
  const job = text.split("\n").at(-2)!;
  match(
    job,
    /^exec \/.*\/adtr reproduce mvtec --data d .*--methods knn,gaussian .*--job "\$SLURM_ARRAY_TASK_ID\/4"$/,
  );
  ok(!/--(slurm|gres|array) /.test(job));
});

test("what makes no sense together is refused before the work", async (folder) => {
  const cases: [args: string, stderr: RegExp][] = [
    ["--job 5/4", /^error: Expected --job to be K\/N, 1\/4 to 4\/4 for example, but found "5\/4"\n$/],
    [
      "--job 1/2 --plan",
      /^error: Expected one of --plan, --job, --table, --slurm, but found --plan and --job\n$/,
    ],
    ["--array 3", /^error: Expected --array with --slurm or --plan only, but found it without\n$/],
    ["--plan --time 60", /^error: Expected --time with --slurm only, but found it without\n$/],
    ["--slurm --time soon", /^error: Expected --time to be minutes, H:M:S or D-H:M:S, but found "soon"\n$/],
    ["--slurm --gres gpu;", /^error: Expected --gres to be NAME:COUNT, .* but found "gpu;"\n$/],
    ["--table", /^error: Expected models in runs.reproduce-demo, but found no such folder\n$/],
    [
      "--slurm --methods spade --backbone efficientnet_b4 --weights w",
      /^error: Expected the backbone's weights in w, /,
    ],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await adtr(folder, "reproduce", "demo", ...args.split(" "));
    deepEqual([code, stdout], [/models in|weights in/.test(stderr) ? 1 : 2, ""], args + stderr);
    match(stderr, expected, args);
  }
  deepEqual(
    await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).then((all) =>
      all.filter((name) => name !== "cache")
    ),
    [],
  );
});
