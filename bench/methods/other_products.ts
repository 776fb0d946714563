/**
 * Whether methods tell other products from their own: each model of a run of `reproduce` scores its category's normal test
 * images, and those of all other categories in the data. That is what one-class methods (GANomaly, GT, LSA, OCGAN, GradCon,
 * AnoGAN) were made for and measured on; small defects are another task.
 *
 *     deno run -A bench/methods/other_products.ts runs/reproduce-demo demo-data gt,lsa > other.md
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openModel } from "../../host.ts";
import { Gpu } from "../../mod.ts";
import { imageMetrics } from "../../src/metrics/metrics.ts";
import { scoreImages } from "../../src/score/score.ts";

const [run, data, some = namesIn(run).join()] = Deno.args;
if (data === undefined) throw new Error("Expected a run's folder and one of data");

const gpu = await Gpu.open();
const categories = namesIn(data).filter((name) => existsSync(join(data, name, "test/good")));
console.log(`| method | ${categories.join(" | ")} |\n| --- |${" ---: |".repeat(categories.length)}`);
for (const method of some.split(",").filter((name) => existsSync(join(run, name, "seed-0")))) {
  const row: string[] = [];
  for (const category of categories) row.push(await aurocOf(method, category));
  console.log(`| ${method} | ${row.join(" | ")} |`);
}

/** Image AUROC of other products against the category's own normal images; "" where there is no model. */
async function aurocOf(method: string, category: string): Promise<string> {
  const path = join(run, method, "seed-0", category, "model.safetensors");
  if (!existsSync(path)) return "";
  using model = await openModel(gpu, path);
  const paths = categories.flatMap((name) => goodIn(name)), scores = new Float32Array(paths.length);
  let i = 0;
  for await (const { score } of scoreImages(model, paths)) scores[i++] = score;
  const labels = Uint8Array.from(paths, (path) => path.startsWith(join(data, category, "/")) ? 0 : 1);
  return imageMetrics(scores, labels).image_auroc!.toFixed(2);
}

function goodIn(category: string): string[] {
  return namesIn(join(data, category, "test", "good")).map((name) => join(data, category, "test/good", name));
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
