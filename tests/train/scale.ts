/**
 * Memory and time of a training, by the number of its images: `scale.ts FOLDER IMAGES…` makes as many procedural images in
 * FOLDER, trains ADTR for an epoch on each number of them in a process of its own, and prints its peak of memory. Beyond
 * 64 MiB of features (some 800 images here) these lie in a file, so that it stays where it is.
 *
 * @module
 */
import { join } from "node:path";
import { Gpu } from "../../src/gpu/gpu.ts";
import { listImages } from "../../src/host/folder.ts";
import { makeDataset } from "../../src/host/make_dataset.ts";
import { RunFolder } from "../../src/host/run_folder.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { learn } from "../../src/train/learn.ts";
import { tinySettings, tinySource } from "./tiny.ts";

const SIZES = { image_size: 32, feature_size: 16 }, FEATURE_BYTES = 64 * 2 ** 20;
const NETWORK = { hidden: 8, heads: 2, ffn: 8, layers: 1, epochs: 1, batch_size: 64 };

/** Trains on so many images of a folder. */
async function train(folder: string, images: number): Promise<void> {
  const settings = tinySettings({ ...SIZES, ...NETWORK } as Partial<Settings>),
    out = await Deno.makeTempDir({ dir: folder });
  const all = await listImages([join(folder, "grid/train/good")]);
  const category = { name: "grid", train: all.slice(0, images), anomalous: [], test: [] };
  const source = { ...tinySource(await Gpu.open()), ...SIZES }, began = performance.now();
  const journal = new RunFolder(out, false);
  await learn({ source, category, settings, journal, featureBytes: FEATURE_BYTES });
  const peak = Number(/VmHWM:\s+(\d+)/.exec(await Deno.readTextFile("/proc/self/status"))![1]);
  const features = images * 4 * 81 * SIZES.feature_size ** 2,
    mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  console.log(
    `${images} images, ${mib(features)} MiB of features: peak ${mib(1024 * peak)} MiB, ${
      Math.round((performance.now() - began) / 1000)
    } s`,
  );
  Deno.exit();
}

const [folder, ...counts] = Deno.args, one = Deno.env.get("SCALE_IMAGES");
if (one !== undefined) await train(folder, Number(one));
const most = Math.max(...counts.map(Number)),
  made = { categories: ["grid"], size: 32, testGood: 0, testPerDefect: 0 };
await makeDataset(folder, { ...made, train: most });
for (const images of counts) {
  await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, folder],
    env: { SCALE_IMAGES: images },
  }).spawn().status;
}
