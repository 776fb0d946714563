/**
 * Several machines at one reproduction, on a file system without locks, as in one process: each model is made once, the
 * dead are followed, and who was only thought dead leaves the model to whom it belongs then.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { makeMissing } from "../../src/commands/demo_data.ts";
import { ProgressDisplay } from "../../src/commands/progress.ts";
import { gather } from "../../src/commands/reproduce_cells.ts";
import { cellName, cellsOf } from "../../src/commands/reproduce_jobs.ts";
import { planReproduction, type ReproducePlan } from "../../src/commands/reproduce_plan.ts";
import { runReproduction } from "../../src/commands/reproduce_run.ts";
import { Claims } from "../../src/host/claims.ts";
import { makeDataset } from "../../src/host/make_dataset.ts";
import { gpu } from "../gpu.ts";
import { test } from "./adtr.ts";

const NO_STOP = new AbortController().signal;

/** Without locks of files, and with a cache of its own. */
async function withoutLocks(folder: string, body: () => Promise<void>): Promise<void> {
  const { tryLock } = Deno.FsFile.prototype, cache = Deno.env.get("XDG_CACHE_HOME");
  Deno.FsFile.prototype.tryLock = () =>
    Promise.reject(Object.assign(new Error("Function not implemented (os error 38)"), { code: "ENOSYS" }));
  Deno.env.set("XDG_CACHE_HOME", join(folder, "cache"));
  try {
    await body();
  } finally {
    Deno.FsFile.prototype.tryLock = tryLock;
    if (cache === undefined) Deno.env.delete("XDG_CACHE_HOME");
    else Deno.env.set("XDG_CACHE_HOME", cache);
  }
}

async function planIn(folder: string): Promise<ReproducePlan> {
  const data = join(folder, "d");
  await makeDataset(data, {
    categories: ["grid", "weave"],
    size: 32,
    train: 4,
    testGood: 2,
    testPerDefect: 1,
  });
  return await planReproduction(
    "mvtec",
    { backbone: "gabor", image_size: 32, feature_size: 4 },
    { data, out: join(folder, "run"), category: "all", seeds: 1, methods: "knn,gaussian,mahalanobis" },
  );
}

/** Runs all of a plan on a machine. @returns what it has made, in its own words, and what was said */
async function machine(
  name: string,
  plan: ReproducePlan,
  onModel: (model: string) => void = () => {},
  onTold: (text: string) => void = () => {},
): Promise<{ made: Set<string>; told: string[]; missing: string[] }> {
  const made = new Set<string>(), told: string[] = [];
  const output = { write: () => {}, isTerminal: false, color: false, columns: () => 80, now: () => 0 };
  const display = Object.assign(new ProgressDisplay(output), {
    warn: (text: string) => {
      told.push(text);
      onTold(text);
    },
    onProgress: ({ category }: { category?: string }) => {
      if (!made.has(category!)) onModel(category!);
      made.add(category!);
    },
  });
  const claims = new Claims({ machine: name, beat: 50, lease: 3000 });
  const outcome = await runReproduction(plan, cellsOf(plan), gpu, display, NO_STOP, claims);
  deepEqual(outcome!.failures, []);
  return { made, told, missing: outcome!.missing.map(cellName) };
}

test("machines that begin in the same moment make each model once, and what the dead have left", async (folder) => {
  await withoutLocks(folder, async () => {
    const plan = await planIn(folder), cells = cellsOf(plan);
    equal(cells.length, 6);
    const left = join(plan.out, "knn", "seed-0", "weave");
    await Deno.mkdir(left, { recursive: true });
    await Deno.writeTextFile(join(left, ".claim-1"), '{"machine":"dead"}\n7           \n');
    const ran = await Promise.all(["a", "b", "c"].map((name) => machine(name, plan)));
    const made = ran.flatMap(({ made }) => [...made]);
    deepEqual(made.toSorted(), cells.map(({ entry, category }) => `${category} ${entry.name}`).sort());
    ok(
      ran.some(({ told }) => told.some((text) => /^knn on weave .*: waiting for a sign of life/.test(text))),
    );
    const { results, missing, failures } = await gather(plan, cells);
    deepEqual([results.length, missing, failures], [6, [], []]);
    for (const { entry, category } of results) {
      const path = join(plan.out, entry.name, "seed-0", category);
      deepEqual([...Deno.readDirSync(path)].filter(({ name }) => name.startsWith(".claim")), []);
    }
  });
});

test("who was thought dead writes nothing more, tells it, and has its turn again", async (folder) => {
  await withoutLocks(folder, async () => {
    const plan = await planIn(folder), path = join(plan.out, "knn", "seed-0", "grid");
    const files = () => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
    let before: string[] = [], after: string[] = [];
    const { made, told, missing } = await machine("a", plan, (model) => {
      if (model !== "grid knn") return;
      Deno.writeTextFileSync(join(path, ".claim-2"), '{"machine":"b"}\n3           \n');
      before = files();
    }, (text) => {
      if (text.includes("has taken over")) after = files();
    });
    deepEqual(after, before);
    match(told.join("\n"), /^knn on grid with seed 0: another run has taken over what seemed to be left$/m);
    match(told.join("\n"), /^knn on grid with seed 0: waiting for a sign of life of the run that was at it/m);
    deepEqual([before, made.size, missing], [[".claim-1", ".claim-2", ".lock", "config.json"], 6, []]);
    ok(files().includes("metrics.json"));
  });
});

test("of those that want demo data in the same moment one makes them, and others wait", async (folder) => {
  await Promise.all(
    Array.from({ length: 4 }, () => makeMissing(join(folder, "demo"), ["grid", "weave"], 32)),
  );
  deepEqual([...Deno.readDirSync(join(folder, "demo"))].map(({ name }) => name).sort(), ["grid", "weave"]);
});
