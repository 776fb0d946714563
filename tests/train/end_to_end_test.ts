/**
 * Training and scoring through the commands, beside PyTorch doing the same from the same features and parameters:
 * golden/end_to_end.py.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../../src/host/tensor_files.ts";
import { float32Of, stored, type StoredTensor } from "../../src/formats/tensor_file.ts";
import { readLog } from "../../src/host/log.ts";
import { inFolder } from "../folder.ts";
import { filledAdtr } from "../golden/adtr_fill.ts";
import golden from "../golden/end_to_end.json" with { type: "json" };
import { assertClose } from "../reference/backbone.ts";

const { data, settings, cases, images } = golden, category = data.category;
const here = (path: string): string => join(import.meta.dirname!, "..", path);
const file = await readSafetensors(here("golden/end_to_end.safetensors"));

/** Options as on a command line. */
function flags(options: Record<string, string | number>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name.replaceAll("_", "-")}`, `${value}`]);
}

async function adtr(folder: string, ...args: string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", here("../cli.ts"), ...args],
    cwd: folder,
    env: { NODEVICE_SELECT: "1" },
  });
  const { code, stderr } = await command.output();
  equal(code, 0, new TextDecoder().decode(stderr));
}

/** SHA-256 of all pictures, in the order of their paths. */
async function digest(root: string): Promise<string> {
  const files: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await visit(join(folder, name));
      else files.push(join(folder, name));
    }
  };
  await visit(root);
  const sha = createHash("sha256");
  for (const path of files.sort()) sha.update(await Deno.readFile(path));
  return sha.digest("hex");
}

/** Parameters to begin with: what torch.save wrote, and the same numbers in safetensors. */
async function initial(folder: string): Promise<Record<keyof typeof cases, string>> {
  const state = [...filledAdtr(golden.config)].map(([name, { shape, data }]) =>
    [name, stored(data, shape)] as const
  );
  await writeSafetensors(join(folder, "init.safetensors"), new Map<string, StoredTensor>(state));
  return { none: "init.safetensors", position: here("golden/end_to_end.pth") };
}

Deno.test("twelve steps, maps, scores and metrics through the commands meet PyTorch's", () =>
  inFolder(async (folder) => {
    await adtr(folder, "data", "make", "data", ...flags(data));
    equal(
      await digest(join(folder, "data")),
      golden.data_sha256,
      "The procedural data has changed: run golden/end_to_end.py again.",
    );
    const init = await initial(folder);
    for (const [norm, { loss, metrics }] of Object.entries(cases)) {
      const from = ["--data", "data", "--init", init[norm as keyof typeof cases], "--feature-norm", norm];
      await adtr(folder, "train", ...from, ...flags(settings), "--no-shuffle", "--out", norm);
      const log = await readLog(join(folder, norm, "log.jsonl"));
      equal(log.length, loss.length);
      log.forEach((entry, i) => {
        equal(entry.lr, settings.lr * (entry.epoch <= settings.lr_step ? 1 : 0.1));
        const off = Math.abs(entry.loss / loss[i] - 1);
        ok(off < 1e-5, `${norm}, step ${i + 1}: loss ${entry.loss} instead of ${loss[i]}`);
      });
      await compareMetrics(join(folder, norm), metrics.residual);

      for (const score of ["residual", "residual-mahalanobis"] as const) {
        const out = `${norm} ${score}`, model = ["--model", `${norm}/model.safetensors`, "--score", score];
        await adtr(folder, "score", ...model, "--maps", "--out", out, `data/${category}/test`);
        const maps = (await readSafetensors(join(folder, out, "maps.safetensors"))).tensors.get("maps")!;
        const wanted = (name: string) => file.tensors.get(`${norm}.${score}.${name}`)!;
        deepEqual(maps.shape, wanted("maps").shape);
        assertClose(float32Of(maps), float32Of(wanted("maps")), 1e-4, `${out} maps:`);
        const [, ...lines] = (await Deno.readTextFile(join(folder, out, "scores.csv"))).trimEnd().split("\n");
        deepEqual(
          lines.map((line) => line.split(",")[0]),
          images.map((image) => `data/${category}/test/${image}`),
        );
        const scores = lines.map((line) => Number(line.split(",")[1]));
        assertClose(scores, float32Of(wanted("scores")), 1e-4, `${out} scores:`);
        const places = ["--data", "data", "--category", category, "--out", out];
        await adtr(folder, "eval", ...model, ...places);
        await compareMetrics(join(folder, out), metrics[score]);
      }
    }
  }));

/** Compares a folder's metrics.json. Pixels whose values are next to each other may change places. */
async function compareMetrics(folder: string, wanted: Record<string, number>): Promise<void> {
  const { [category]: found } = JSON.parse(await Deno.readTextFile(join(folder, "metrics.json")));
  const names = Object.keys(wanted); // behind them come those of decisions
  deepEqual(Object.keys(found).slice(0, names.length), names);
  for (const [name, value] of Object.entries(wanted)) {
    const tolerance = name.startsWith("image") ? 1e-9 : 1e-4;
    ok(Math.abs(found[name] - value) < tolerance, `${name}: ${found[name]} instead of ${value}`);
  }
}
