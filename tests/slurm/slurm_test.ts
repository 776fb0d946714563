/**
 * A reproduction on a real Slurm: its script is submitted, two jobs work at once, one is killed in the middle and queued
 * again, and the tables are those of a run that nothing has happened to.
 *
 * @module
 */
import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { join } from "node:path";
import { isThere } from "../../src/host/files.ts";
import { makeDataset } from "../../src/host/make_dataset.ts";
import { adtr, environment, test, TINY } from "../commands/adtr.ts";
import { Cluster, until, whyNoSlurm } from "./cluster.ts";

const MINUTES = 60_000;

test("an array of 4 jobs over 6 models, one killed and queued again, ends with the tables of one run", async (folder) => {
  const why = await whyNoSlurm();
  if (why !== null) {
    console.log(`no Slurm can be started here, and jobs in an array were not tried: ${why}`);
    return;
  }
  const categories = ["grid", "weave"];
  await makeDataset(join(folder, "d"), { categories, size: 32, train: 4, testGood: 2, testPerDefect: 1 });
  const sizes = [...TINY, "--preset", "demo", "--epochs", "400", "--plus-epochs", "10"];
  const args = ["reproduce", "mvtec", "--data", "d", ...sizes, "--methods", "adtr+,knn"];
  const run = async (...more: string[]) => {
    const { code, stdout, stderr } = await adtr(folder, ...args, ...more);
    equal(code, 0, stderr);
    return stdout;
  };
  match(await run("--slurm", "--array", "4%2", "--gres", "none", "--time", "20"), /^6 models in 4 jobs\. /);
  const script = join(folder, "runs/reproduce-mvtec/slurm/jobs.sh");
  await using slurm = await Cluster.start(environment(folder));
  /** How jobs of an array stand, by their places in it. */
  const states = async (id: string) => {
    const lines = (await slurm.call("squeue", "-h", "-r", "-t", "all", "-j", id, "-o", "%K %T")).trim().split(
      "\n",
    );
    return Object.fromEntries(lines.map((line) => line.split(" ")));
  };
  const submit = async () => /Submitted batch job (\d+)/.exec(await slurm.call("sbatch", script))![1];
  const all = (state: string) => ({ 1: state, 2: state, 3: state, 4: state });

  const id = await submit(), model = join(folder, "runs/reproduce-mvtec/adtr/seed-0/grid");
  await until("the first model is being trained", () => isThere(join(model, "log.jsonl")), 2 * MINUTES);
  equal((await states(id))[1], "RUNNING");
  await slurm.call("scancel", "--full", "--signal=KILL", `${id}_1`);
  await until("the job is dead", async () => !/RUNNING|COMPLETING/.test((await states(id))[1]));
  notEqual((await states(id))[1], "COMPLETED");
  deepEqual([await isThere(join(model, "metrics.json")), await isThere(join(model, ".claim-1"))], [
    false,
    true,
  ]);
  match(await run("--plan"), /\n6 models in 4 jobs, [0-4] done\n$/);
  await run("--table");
  await slurm.call("scontrol", "requeue", `${id}_1`);
  await until("all jobs have ended", async () => {
    return !/PENDING|CONFIGURING|RUNNING|COMPLETING/.test(JSON.stringify(await states(id)));
  }, 5 * MINUTES);
  deepEqual(
    await states(id),
    all("COMPLETED"),
    await slurm.call("sh", "-c", `cat '${join(script, "..")}'/*.log`),
  );

  const log = await Deno.readTextFile(join(script, "..", `${id}_1.log`));
  match(log, /Job 1\/4: 2 of 2 models done/);
  const again = await submit(); // nothing is left to do
  await run("--table");
  await run("--out", "whole");
  for (const name of ["table.md", "table.csv", "table.json"]) {
    const [shared, whole] = await Promise.all(
      ["runs/reproduce-mvtec", "whole"].map((out) => Deno.readTextFile(join(folder, out, name))),
    );
    equal(shared, whole, name);
  }
  for (const path of ["adtr/seed-0/grid", "adtr+/seed-0/grid", "adtr+/seed-0/weave", "knn/seed-0/grid"]) {
    const [shared, whole] = await Promise.all(
      ["runs/reproduce-mvtec", "whole"].map((out) =>
        Deno.readFile(join(folder, out, path, "model.safetensors"))
      ),
    );
    deepEqual(shared, whole, path);
  }
  await until(
    "the second array has ended",
    async () => (await states(again))[4] === "COMPLETED",
    3 * MINUTES,
  );
  deepEqual(await states(again), all("COMPLETED"));
});
