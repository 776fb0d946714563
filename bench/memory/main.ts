/**
 * Peaks of memory by the number of images: of trainings, whose features lie in a file beyond 64 MiB, and of `score` in one call.
 *
 *     NODEVICE_SELECT=1 deno run -A bench/memory/main.ts FOLDER [--train 500,2000,8000] [--methods adtr,mahalanobis]
 *       [--score 1000,10000,100000] [--heatmaps]
 *
 * Images, different ones, are made in FOLDER and stay there, and so do features: a second call extracts none. Each training is an
 * epoch at 256×256 pixels with the built-in filters, in a process of its own; `score` looks at 32×32 pixels with padim.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UNFINISHED } from "../../src/commands/score_folder.ts";
import { FORMATS } from "../../src/commands/score_rows.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { FeatureCache } from "../../src/host/feature_cache.ts";
import { makeFolder } from "../../src/host/files.ts";
import { listImages } from "../../src/host/folder.ts";
import { files } from "../../src/host/image_files.ts";
import { pngFile } from "../../src/host/png_file.ts";
import { RunFolder } from "../../src/host/run_folder.ts";
import { resolveSettings } from "../../src/methods/resolve.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { gaborBackbone } from "../../src/model/gabor.ts";
import { table as report } from "../../src/report/table.ts";
import { learn } from "../../src/train/learn.ts";

const MIB = 2 ** 20, FEATURE_BYTES = 64 * MIB, TRAINED = 256, SCORED = 32;
/** ADTR's, so that an epoch takes no longer than features; mahalanobis has none of them. */
const SMALL = { hidden: 64, heads: 4, ffn: 128, layers: 1, epochs: 1, batch_size: 16 };

/** Images of that side, as many as asked for at least. */
async function imagesIn(folder: string, side: number, count: number): Promise<string[]> {
  await makeFolder(folder);
  const known = await listImages([folder]).catch(() => []);
  for (let i = known.length; i < count; i++) {
    const data = new Uint8Array(3 * side * side);
    let noise = i + 1;
    for (let at = 0; at < data.length; at++) {
      noise = Math.imul(noise, 1664525) + 1013904223;
      data[at] = 128 + 60 * Math.sin(at / (9 + i % 5)) + (noise >>> 28);
    }
    await Deno.writeFile(
      join(folder, `${i}`.padStart(6, "0") + ".png"),
      pngFile({ width: side, height: side, data }),
    );
  }
  return (await listImages([folder])).slice(0, count);
}

/** The most memory that a process has had, bytes; as Linux tells it. */
async function peakOf(pid: number | "self"): Promise<number> {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${pid}/status`))![1]);
}

/** Trains in this process, and prints seconds, peak and bytes of features as JSON. */
async function train(folder: string, method: string, count: number): Promise<void> {
  const given = {
    method,
    backbone: "gabor",
    image_size: TRAINED,
    feature_size: 16,
    threshold: "none",
    folds: 0,
  };
  const options = { preset: "paper", data: "folder", weights: false } as const;
  const settings = resolveSettings(
    (method === "adtr" ? { ...given, ...SMALL } : given) as Partial<Settings>,
    options,
  );
  const images = await imagesIn(join(folder, "train"), TRAINED, count), backbone = gaborBackbone("gabor");
  const out = await Deno.makeTempDir({ dir: folder }), began = performance.now();
  const { image_size, feature_size } = settings, cache = new FeatureCache(join(folder, "features"));
  const source = { gpu: await Gpu.open(), backbone, image_size, feature_size, images: files, cache };
  const category = { name: "noise", train: images, anomalous: [], test: [] };
  const journal = new RunFolder(out, false);
  const model = await learn({ source, category, settings, journal, featureBytes: FEATURE_BYTES });
  const seconds = (performance.now() - began) / 1000;
  model!.fitted[Symbol.dispose]();
  await Deno.remove(out, { recursive: true });
  const peak = await peakOf("self");
  const features = count * 4 * backbone.channels * feature_size ** 2;
  console.log(JSON.stringify({ seconds, peak, features }));
  Deno.exit(); // the device stays open
}

async function trainings(folder: string, methods: string[], counts: number[]): Promise<void> {
  const rows = [];
  for (const method of methods) {
    for (const count of counts) {
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", import.meta.filename!, folder],
        env: { MEMORY_METHOD: method, MEMORY_IMAGES: `${count}` },
        stderr: "inherit",
      }).output();
      if (!success) throw new Error(`Expected to train ${method} on ${count} images, but it failed`);
      const { seconds, peak, features } = JSON.parse(new TextDecoder().decode(stdout));
      rows.push([method, count, Math.round(features / MIB), Math.round(peak / MIB), Math.round(seconds)]);
    }
  }
  console.log(report(rows, ["method", "images", "features MiB", "peak MiB", "seconds"], { markdown: true }));
}

async function scorings(folder: string, counts: number[], heatmaps: boolean): Promise<void> {
  const cli = join(import.meta.dirname!, "..", "..", "cli.ts"), rows = [];
  const data = join(folder, "data"), run = join(folder, "run"), out = join(folder, "scores");
  const env = { XDG_CACHE_HOME: join(folder, "cache"), DENO_DIR: denoFolder() };
  const adtr = (...args: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", cli, ...args],
      env,
      stdout: "null",
      stderr: "piped",
    }).spawn();
  const done = async ({ stderr, status }: Deno.ChildProcess): Promise<void> => {
    const [said, { success }] = await Promise.all([stderr.text(), status]);
    if (!success) throw new Error(said);
  };
  const size = `${SCORED}`;
  await done(adtr("data", "make", data, "--size", size, "--category", "grid"));
  await done(adtr("train", "--data", data, "--method", "padim", "--image-size", size, "--out", run));
  for (const count of counts) {
    const images = await imagesIn(join(folder, `score-${count}`), SCORED, count), began = performance.now();
    const pictures = heatmaps ? [] : ["--no-heatmaps"], model = join(run, "model.safetensors");
    const child = adtr("score", "--model", model, "--out", out, ...pictures, join(images[0], ".."));
    // Bytes of rows that are written, and the peak until then.
    const seen: [rows: number, peak: number][] = [], table = join(out, UNFINISHED, FORMATS.csv.file);
    const timer = setInterval(async () => {
      const known = await Promise.all([Deno.stat(table), peakOf(child.pid)]).catch(() => null);
      if (known) seen.push([known[0].size, known[1]]);
    }, 200);
    await done(child);
    clearInterval(timer);
    const seconds = (performance.now() - began) / 1000;
    const written = (await Deno.readTextFile(join(out, FORMATS.csv.file))).split("\n").length - 2;
    if (written !== count) throw new Error(`Expected ${count} rows, but found ${written}`);
    const [whole, peak] = seen.at(-1)!, half = seen.findLast(([rows]) => rows <= whole / 2) ?? seen[0];
    rows.push([count, Math.round(half[1] / MIB), Math.round(peak / MIB), Math.round(seconds)]);
    await Deno.remove(out, { recursive: true });
  }
  console.log(report(rows, ["images", "peak MiB, first half", "peak MiB", "seconds"], { markdown: true }));
}

function denoFolder(): string {
  return Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "", ".cache", "deno");
}

const { values, positionals: [folder] } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    train: { type: "string", default: "500,2000,8000" },
    methods: { type: "string", default: "adtr,mahalanobis" },
    score: { type: "string", default: "1000,10000,100000" },
    heatmaps: { type: "boolean", default: false },
  },
});
const numbers = (text: string): number[] =>
  text.split(",").filter(Boolean).map((part) => {
    if (/^[1-9]\d*$/.test(part)) return Number(part);
    throw new Error(`Expected numbers of images from 1 on, but found ${part}`);
  });
const method = Deno.env.get("MEMORY_METHOD"); // a training in a process of its own
if (method !== undefined) await train(folder, method, Number(Deno.env.get("MEMORY_IMAGES")));
if (folder === undefined) throw new Error("Expected a FOLDER for images, but found none");
const [trained, scored] = [numbers(values.train), numbers(values.score)];
if (trained.length > 0) await trainings(folder, values.methods.split(","), trained);
if (scored.length > 0) await scorings(folder, scored, values.heatmaps);
