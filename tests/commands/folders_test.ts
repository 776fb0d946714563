/**
 * What commands leave alone in a folder that they are to write to.
 *
 * @module
 */
import { rejects } from "node:assert/strict";
import { join } from "node:path";
import { refuseHeatmaps, refuseRun, refuseRunsMetrics } from "../../src/commands/folders.ts";
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
