/**
 * What commands leave alone in a folder that they are to write to.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import {
  lockRun,
  refuseHeatmaps,
  refuseRun,
  refuseRunsMetrics,
  tryLockRun,
} from "../../src/commands/folders.ts";
import { FORMATS } from "../../src/commands/score_rows.ts";
import { csvLine } from "../../src/report/csv.ts";
import { inFolder } from "../folder.ts";

Deno.test("score replaces an earlier score's files, and nobody else's", () =>
  inFolder(async (folder) => {
    const refused = (inputs: string[], found: string) =>
      rejects(refuseHeatmaps(folder, inputs), {
        name: "InputError",
        message: new RegExp(`^Expected --out .* but found .*${found}\\.\\nAnother --out leaves it alone\\.$`),
      });
    const scores = join(folder, "scores.csv"), heatmaps = join(folder, "heatmaps");
    await refuseHeatmaps(folder, []);
    await Deno.writeTextFile(scores, "my own");
    await refused([], "scores.csv");
    await Deno.writeTextFile(scores, csvLine(["image", "score"]) + csvLine(["photos/=a, b.jpg", 1.5]));
    await refuseHeatmaps(folder, []);
    await Deno.mkdir(heatmaps);
    await Deno.writeTextFile(join(heatmaps, "=a, b.png"), "");
    await refuseHeatmaps(folder, [join(folder, "other.png")]);
    await refused([join(heatmaps, "=a, b.png")], "b.png");
    await Deno.writeTextFile(join(heatmaps, "notes.txt"), "");
    await refused([], "notes.txt");
    await Deno.remove(join(heatmaps, "notes.txt"));

    // Since tables say whose the pictures are.
    const row = { image: "b.jpg", score: 1, label: null, normalised: null, error: null };
    for (const format of Object.values(FORMATS)) {
      await Deno.remove(scores).catch(() => {});
      const path = join(folder, format.file), line = (heatmap: string) => format.line({ ...row, heatmap });
      await Deno.writeTextFile(path, format.head + line("heatmaps/b.png"));
      await refused([], "=a, b.png");
      await Deno.writeTextFile(path, format.head + line("heatmaps/=a, b.png"));
      await refuseHeatmaps(folder, []);
    }
    await Deno.writeTextFile(join(folder, "scores.jsonl"), '{"other": 1}\n');
    await refused([], "scores.jsonl");
    await Deno.remove(join(folder, "scores.jsonl"));
    await refused([], "heatmaps");
  }));

Deno.test("metrics and reports of somebody else are not replaced", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "metrics.json"), "{}");
    await refuseRunsMetrics(folder);
    await rejects(refuseRun(folder), /metrics\.json/);
    await Deno.writeTextFile(join(folder, "model.safetensors"), "");
    await rejects(refuseRunsMetrics(folder), /without a run, .* but found .*model\.safetensors/);
  }));

Deno.test("a run's folder is held by one at a time, and as it was found where nothing was written", () =>
  inFolder(async (folder) => {
    const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name);
    const [own, deep] = [join(folder, "own"), join(folder, "a/b/c")];
    await Deno.mkdir(own);
    for (const path of [own, deep]) {
      using lock = await tryLockRun(path);
      deepEqual([lock !== null, names(path)], [true, [".lock"]]);
      equal(await tryLockRun(path), null);
      await rejects(lockRun(path), { name: "InputError", message: /one at work in / });
    }
    deepEqual([names(folder), names(own)], [["own"], []]);
    {
      using _lock = await lockRun(deep);
      await Deno.mkdir(join(folder, "a/other"));
    }
    deepEqual(names(join(folder, "a")), ["other"]); // what others made stays
    {
      using _lock = await lockRun(own);
      await Deno.writeTextFile(join(own, "config.json"), "{}");
    }
    deepEqual(names(own).sort(), [".lock", "config.json"]);
    await Deno.writeTextFile(join(folder, "file"), "");
    const refused = { name: "InputError", message: /^Can't make the folder .*: Not a directory$/ };
    await rejects(lockRun(join(folder, "file/run")), refused);
    await Deno.symlink(join(folder, "none/lock"), join(folder, "a/.lock"));
    await rejects(lockRun(join(folder, "a")), { message: /^Can't lock .*: it is removed again and again$/ });
  }));

Deno.test("many that come and go at once: the folder is never held by two", () =>
  inFolder(async (folder) => {
    const path = join(folder, "run");
    let held = 0, taken = 0;
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 40; i++) {
        using lock = await tryLockRun(path);
        if (!lock) continue;
        equal(held++, 0);
        taken++;
        await new Promise((done) => setTimeout(done, i % 3));
        held--;
      }
    }));
    equal(taken > 8, true, `${taken}`);
    for (const { name } of Deno.readDirSync(folder)) deepEqual([...Deno.readDirSync(join(folder, name))], []);
  }));
