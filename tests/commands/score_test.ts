/**
 * What `score` writes, of results that a stub makes: memory holds no more than a batch of maps.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { writeHeatmaps } from "../../src/commands/results.ts";
import { writeScores } from "../../src/commands/score.ts";
import { imagesInMemory } from "../../src/data/images.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { UNDECIDED } from "../../src/methods/decision.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { type ScoredImage, scoreImages, type Scorer } from "../../src/score/score.ts";
import { picture } from "../data/pictures.ts";
import { fill } from "../fill.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { TINY, tinySource } from "../train/tiny.ts";

const S = 8, AREA = S * S;

/** Writes pictures, and makes maps and scores to go with them. */
async function results(folder: string, count: number) {
  const maps = fill("score.maps", count * AREA), scores = fill("score.scores", count);
  const images = Array.from({ length: count }, (_, i) => ({
    path: join(folder, `${i}, picture.png`),
    score: scores[i],
    normalised: null,
    label: null,
    map: { width: S, height: S, data: maps.slice(i * AREA, (i + 1) * AREA) },
  }));
  for (const { path } of images) await Deno.writeFile(path, picture(path.slice(folder.length), S, S));
  return { maps, images, paths: images.map(({ path }) => path) };
}

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

/** The same memory for every map: who keeps one finds the last map in its place. */
async function* inOneBuffer(images: Iterable<ScoredImage>): AsyncGenerator<ScoredImage> {
  const buffer = new Float32Array(AREA);
  for (const image of images) {
    buffer.set(image.map!.data);
    yield { ...image, map: { ...image.map!, data: buffer } };
    await Promise.resolve();
    buffer.fill(NaN);
  }
}

Deno.test("results are written as they come, and no map is kept", () =>
  inFolder(async (folder) => {
    const { maps, images, paths } = await results(folder, 30), out = join(folder, "out");
    await Deno.mkdir(out);
    const rows = await writeScores(out, paths, inOneBuffer(images), { S, hasMaps: true, keepMaps: true });
    deepEqual(await namesIn(out), ["heatmaps", "maps.safetensors", "scores.csv"]);
    const { tensors, metadata } = await readSafetensors(join(out, "maps.safetensors"));
    deepEqual(tensors.get("maps")!.shape, [30, S, S]);
    deepEqual(new Float32Array(tensors.get("maps")!.bytes.slice().buffer), maps);
    deepEqual(JSON.parse(metadata.images), paths);
    const [head, ...lines] = (await Deno.readTextFile(join(out, "scores.csv"))).trimEnd().split("\n");
    equal(head, "image,score");
    deepEqual(lines.map((line) => line.match(/^"(.*)",/)![1]), paths);
    deepEqual(
      lines.map((line) => Math.fround(Number(line.split(",").at(-1)))),
      images.map(({ score }) => score),
    );

    // The pictures are those of all maps at once.
    const names = await writeHeatmaps(join(folder, "wanted"), images, S);
    deepEqual(
      rows,
      images.map(({ path, score }, i) => ({ image: path, score, heatmap: join(out, "heatmaps", names[i]) })),
    );
    for (const name of names) {
      deepEqual(
        await Deno.readFile(join(out, "heatmaps", name)),
        await Deno.readFile(join(folder, "wanted", name)),
      );
    }
    await writeScores(out, paths, inOneBuffer(images), { S, hasMaps: true, keepMaps: false });
    ok(!(await namesIn(out)).some((name) => name.endsWith(".partial")));
  }));

Deno.test("without maps there are scores only, and no earlier heat maps", () =>
  inFolder(async (folder) => {
    const { images, paths } = await results(folder, 2), out = join(folder, "out");
    await Deno.mkdir(join(out, "heatmaps/old"), { recursive: true });
    async function* scores(): AsyncGenerator<ScoredImage> {
      for (const image of images) yield await Promise.resolve({ ...image, map: null });
    }
    const rows = await writeScores(out, paths, scores(), { S, hasMaps: false, keepMaps: false });
    deepEqual(rows, images.map(({ path, score }) => ({ image: path, score })));
    deepEqual([await namesIn(out), await namesIn(join(out, "heatmaps"))], [["heatmaps", "scores.csv"], []]);
  }));

Deno.test("where scoring fails, nothing is left of what was begun", () =>
  inFolder(async (folder) => {
    const { images, paths } = await results(folder, 3), out = join(folder, "out");
    await Deno.mkdir(out);
    async function* failing(): AsyncGenerator<ScoredImage> {
      yield images[0];
      await Promise.reject(new Error("no more"));
    }
    await rejects(writeScores(out, paths, failing(), { S, hasMaps: true, keepMaps: true }), /no more/);
    deepEqual(await namesIn(out), []);
  }));

Deno.test("images are scored no further ahead than a batch", async () => {
  const names = Array.from({ length: 70 }, (_, i) => `${i}`), file = picture("score", 32, 32);
  const images = imagesInMemory(Object.fromEntries(names.map((name) => [name, file])));
  let made = 0, taken = 0;
  const fitted: Scorer["fitted"] = {
    score({ shape: [count] }) {
      made += count;
      return Promise.resolve({
        maps: new Float32Array(count * TINY.image_size ** 2),
        scores: new Float32Array(count),
      });
    },
  };
  const source = { ...tinySource(gpu), images };
  const method = methodNamed("adtr"), settings = { ...TINY };
  const scorer: Scorer = { source, method, fitted, settings, decision: UNDECIDED };
  for await (const { path } of scoreImages(scorer, names)) {
    equal(path, names[taken++]);
    ok(made - taken < 8, `${made} made, ${taken} taken`);
  }
  equal(made, 70);
});
