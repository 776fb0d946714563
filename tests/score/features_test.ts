/**
 * Features of files and of images in memory, with and without a cache.
 *
 * @module
 */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { FeatureCache } from "../../src/host/feature_cache.ts";
import { STRETCH } from "../../src/data/frame.ts";
import { loadImage } from "../../src/data/load.ts";
import { files } from "../../src/host/image_files.ts";
import { dataSizes, extractFeatures, type FeatureSource, pixelFeatures } from "../../src/score/features.ts";
import { gaborBackbone } from "../../src/model/gabor.ts";
import { picture } from "../data/pictures.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { tinySource } from "../train/tiny.ts";

/** 20 pictures, more than go through the backbone at once, and a source that counts what does. */
async function withPictures(
  test: (paths: string[], source: FeatureSource, computed: () => number, folder: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const paths = Array.from({ length: 20 }, (_, i) => join(folder, `${i}.png`));
    for (const [i, path] of paths.entries()) await Deno.writeFile(path, picture(`features ${i}`, 30 + i, 40));
    const source = tinySource(gpu), { backbone } = source;
    let count = 0;
    const features: typeof backbone.features = (on, images, batch, ...rest) => {
      count += batch;
      return backbone.features(on, images, batch, ...rest);
    };
    await test(paths, { ...source, backbone: { ...backbone, features } }, () => count, folder);
  });
}

Deno.test("images in memory have the features of their files, in order", () =>
  withPictures(async (paths, source, computed) => {
    const images = await Promise.all(paths.map((path) => loadImage(files, path, source.image_size)));
    const wanted = await extractFeatures(source, paths);
    deepEqual(await pixelFeatures(source, images, true), wanted);
    deepEqual(await pixelFeatures(source, images, false), wanted);
    deepEqual(await pixelFeatures(source, [], true), []);
    equal(computed(), 60);
  }));

Deno.test("sizes of what is learned from: levels apart, components and pixels in one", () =>
  withPictures(async (paths, source) => {
    const backbone = gaborBackbone("gabor2"), { channels: C, levelChannels: levels } = backbone;
    const { image_size: S, feature_size: H } = source, two = { ...source, backbone };
    const rest = { images: 20, H, W: H, P: backbone.pooledChannels, S };
    deepEqual(await dataSizes(two, paths, 0), { ...rest, C, levels });
    equal(levels.reduce((a, b) => a + b), C);
    deepEqual(await dataSizes(two, paths, 7), { ...rest, C: 7, levels: [7] });
    const pixels = { ...source, backbone: null };
    deepEqual(await dataSizes(pixels, paths, 0), { ...rest, C: 3, H: S, W: S, P: 0, levels: [3] });
    const framing = { ...STRETCH, tiles: 16, overlap: 4 };
    equal((await dataSizes({ ...pixels, framing }, paths.slice(0, 1), 0)).images, 9); // 3×3 of 30×40 pixels
  }));

Deno.test("what is kept is computed once, and only what is missing the next time", () =>
  withPictures(async (paths, plain, computed, folder) => {
    const source = { ...plain, cache: new FeatureCache(join(folder, "cache")) };
    const images = await Promise.all(paths.map((path) => loadImage(files, path, source.image_size)));
    const wanted = await pixelFeatures(plain, images, true);
    await pixelFeatures(source, images, false);
    equal(computed(), 40);
    await pixelFeatures(source, images.filter((_, i) => i % 3 === 0), true);
    equal(computed(), 47);
    deepEqual(await pixelFeatures(source, images, true), wanted);
    equal(computed(), 60);
    deepEqual(await pixelFeatures(source, images, true), wanted);
    deepEqual(await extractFeatures(source, paths), wanted); // files have hashes of their own
    deepEqual(await extractFeatures(source, paths), wanted);
    equal(computed(), 80);
  }));

Deno.test("a cache that can't be used is told once, however often it is asked", () =>
  withPictures(async (paths, plain, _, folder) => {
    const warnings: string[] = [], file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    const cache = new FeatureCache(file, { onWarning: (text) => void warnings.push(text) });
    const source = { ...plain, cache };
    for (let i = 0; i < 3; i++) equal((await extractFeatures(source, paths.slice(i, i + 2))).length, 2);
    equal(warnings.length, 1);
    match(warnings[0], /^The feature cache .*file can't be /);
  }));

Deno.test("it stops when it is told to, and names what it can't read", () =>
  withPictures(async (paths, source) => {
    const controller = new AbortController();
    const onImage = (done: number) => done === 16 && controller.abort();
    await rejects(extractFeatures(source, paths, onImage, controller.signal), { name: "AbortError" });
    await Deno.writeTextFile(paths[17], "no image");
    await rejects(extractFeatures(source, paths), { name: "InputError", message: /17\.png/ });
  }));
