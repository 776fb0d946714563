/**
 * Procedural data: the same seed gives the same bytes, masks are exactly what a defect changed, and the files
 * lie where MVTec-AD has them.
 *
 * @module
 */
import { deepEqual, equal, notDeepEqual, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { decode } from "npm:fast-png@^8.0.0";
import { InputError } from "../../src/errors.ts";
import { makeDataset } from "../../src/host/make_dataset.ts";
import { defectsOf, drawSample, proceduralCategories } from "../../src/data/procedural/sample.ts";

const TEXTURES = ["weave", "grid", "wood", "leather", "tile"];

async function withFolder(body: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "procedural-" });
  try {
    await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Every file under a folder, sorted, with its bytes. */
async function filesUnder(root: string, folder = ""): Promise<[string, Uint8Array][]> {
  const found: [string, Uint8Array][] = [];
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await filesUnder(root, path));
    else found.push([path, await Deno.readFile(join(root, path))]);
  }
  return found.sort(([a], [b]) => a < b ? -1 : 1);
}

Deno.test("there are textures and objects, each with at least four defects", () => {
  deepEqual(proceduralCategories.slice(0, 5), TEXTURES);
  ok(proceduralCategories.length >= 9);
  for (const category of proceduralCategories) {
    const defects = defectsOf(category);
    ok(defects.length >= 4, category);
    equal(new Set(defects).size, defects.length, category);
    deepEqual(defects, [...defects].sort(), category);
  }
});

Deno.test("a seed fixes the picture, another seed gives another", () => {
  for (const category of proceduralCategories) {
    const options = { category, size: 64, seed: 7 };
    deepEqual(drawSample(options), drawSample(options), category);
    notDeepEqual(drawSample(options).image.data, drawSample({ ...options, seed: 8 }).image.data, category);
    const defect = defectsOf(category)[0];
    deepEqual(drawSample({ ...options, defect }), drawSample({ ...options, defect }), category);
  }
});

for (const category of proceduralCategories) {
  Deno.test(`${category}: a mask holds what its defect changed, no more and no less`, () => {
    const size = 128;
    for (const defect of defectsOf(category)) {
      for (let seed = 0; seed < 3; seed++) {
        const where = `${category}/${defect}, seed ${seed}`;
        const normal = drawSample({ category, size, seed }).image;
        const { image, mask } = drawSample({ category, size, seed, defect });
        ok(mask !== undefined);
        deepEqual([image.width, image.height, image.data.length], [size, size, 3 * size * size]);
        deepEqual([mask.width, mask.height, mask.data.length], [size, size, size * size]);
        let area = 0, changed = 0, left = size, right = 0, top = size, bottom = 0;
        for (let i = 0; i < size * size; i++) {
          let differs = 0;
          for (let c = 3 * i; c < 3 * i + 3; c++) differs |= image.data[c] ^ normal.data[c];
          if (mask.data[i] === 0) {
            equal(differs, 0, `${where}: pixel ${i} changed outside of the mask`);
            continue;
          }
          equal(mask.data[i], 1);
          area++;
          if (differs !== 0) changed++;
          const x = i % size, y = Math.floor(i / size);
          left = Math.min(left, x), right = Math.max(right, x);
          top = Math.min(top, y), bottom = Math.max(bottom, y);
        }
        ok(area >= 8, `${where}: ${area} pixels`);
        ok(area < 0.15 * size * size, `${where}: ${area} pixels`);
        ok(changed >= 0.95 * area, `${where}: ${changed} of ${area} pixels changed`);
        // A defect is in one place: were the specimen drawn anew, the whole object would differ.
        ok((right - left) * (bottom - top) < 0.5 * size * size, `${where}: spread over the image`);
      }
    }
  });
}

Deno.test("a picture has the same look at every size", () => {
  for (const category of proceduralCategories) {
    const mean = (size: number): number[] => {
      const { data } = drawSample({ category, size, seed: 3 }).image;
      return [0, 1, 2].map((c) => {
        let sum = 0;
        for (let i = c; i < data.length; i += 3) sum += data[i];
        return sum / (size * size);
      });
    };
    const large = mean(256);
    for (const size of [32, 50, 128]) {
      mean(size).forEach((m, c) =>
        ok(Math.abs(m - large[c]) < 8, `${category} at ${size}: ${m}, ${large[c]}`)
      );
    }
  }
});

Deno.test("every defect shows at the smallest size too", () => {
  for (const category of proceduralCategories) {
    for (const defect of defectsOf(category)) {
      const { mask } = drawSample({ category, size: 32, seed: 1, defect });
      ok(mask?.data.includes(1), `${category}/${defect}`);
    }
  }
});

Deno.test("wrong names and sizes are refused", () => {
  throws(() => defectsOf("carpet"), { name: "InputError", message: /weave, grid.*but found "carpet"/ });
  throws(() => drawSample({ category: "toString", size: 64, seed: 0 }), InputError);
  throws(() => drawSample({ category: "wood", size: 64, seed: 0, defect: "good" }), /hole.*but found "good"/);
  for (const size of [31, 4097, 64.5, NaN]) {
    throws(() => drawSample({ category: "wood", size, seed: 0 }), InputError);
  }
});

Deno.test("a data set lies as MVTec-AD does, the same for the same seed", async () => {
  await withFolder(async (root) => {
    const options = {
      categories: ["tile", "screw"],
      size: 32,
      train: 3,
      testGood: 2,
      testPerDefect: 1,
      seed: 5,
    };
    const progress: number[][] = [];
    await makeDataset(join(root, "a"), { ...options, onProgress: (...p) => progress.push(p) });
    const files = await filesUnder(join(root, "a"));
    const expected = options.categories.flatMap((category) => [
      ...["000", "001", "002"].map((n) => `${category}/train/good/${n}.png`),
      ...["000", "001"].map((n) => `${category}/test/good/${n}.png`),
      ...defectsOf(category).flatMap((defect) => [
        `${category}/test/${defect}/000.png`,
        `${category}/ground_truth/${defect}/000_mask.png`,
      ]),
    ]);
    deepEqual(files.map(([path]) => path), expected.sort());
    equal(new Set(files.filter(([p]) => !p.includes("mask")).map(([, b]) => b.join())).size, progress.length);
    deepEqual(progress.at(-1), [progress.length, progress.length]);
    for (const [path, bytes] of files) {
      const png = decode(bytes);
      deepEqual(
        [png.width, png.height, png.depth, png.channels],
        [32, 32, 8, path.includes("mask") ? 1 : 3],
        path,
      );
      if (path.includes("mask")) deepEqual([...new Set(png.data)].sort(), [0, 255], path);
    }
    await makeDataset(join(root, "b"), options);
    deepEqual(await filesUnder(join(root, "b")), files);
    await makeDataset(join(root, "c"), { ...options, seed: 6 });
    notDeepEqual(await filesUnder(join(root, "c")), files);
  });
});

Deno.test("a data set never overwrites, and is whole or not there", async () => {
  await withFolder(async (root) => {
    const options = { categories: ["wood", "tile"], size: 32, train: 1, testGood: 0, testPerDefect: 0 };
    await Deno.mkdir(join(root, "tile"));
    await Deno.writeTextFile(join(root, "tile", "mine.txt"), "mine");
    await rejects(makeDataset(root, options), { name: "InputError", message: /tile to be empty.*mine\.txt/ });
    deepEqual((await filesUnder(root)).map(([path]) => path), ["tile/mine.txt"]);

    await Deno.remove(join(root, "tile", "mine.txt"));
    const stop = new Error("stopped");
    const onProgress = (done: number): void => {
      if (done === 2) throw stop;
    };
    await rejects(makeDataset(root, { ...options, onProgress }), stop);
    deepEqual((await filesUnder(root)).map(([path]) => path), ["wood/train/good/000.png"]);
    await makeDataset(root, { ...options, categories: ["tile"] });
    deepEqual((await filesUnder(root)).map(([path]) => path), [
      "tile/train/good/000.png",
      "wood/train/good/000.png",
    ]);

    const fresh = join(root, "fresh");
    await rejects(makeDataset(fresh, { categories: ["wood", "carpet"] }), /but found "carpet"/);
    await rejects(makeDataset(fresh, { categories: [] }), InputError);
    await rejects(makeDataset(fresh, { ...options, size: 16 }), /32 to 4096.*found 16/);
    await rejects(makeDataset(fresh, { ...options, train: -1 }), /train to be a whole number/);
    await rejects(Deno.stat(fresh), Deno.errors.NotFound);
    await Deno.writeTextFile(fresh, "");
    await rejects(makeDataset(fresh, options), InputError);
  });
});
