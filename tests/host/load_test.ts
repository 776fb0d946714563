/**
 * Loading in batches, masks at the images' size, and the hashes that features are kept by.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { decodeImage } from "../../src/data/image.ts";
import { loadImage, loadImages, loadMask, sha256 } from "../../src/host/load.ts";
import { resizeBilinear } from "../../src/data/resize.ts";
import { inFolder } from "../folder.ts";
import { maskFile, picture } from "../data/pictures.ts";

const S = 16;

async function withPictures(
  count: number,
  test: (paths: string[], files: Uint8Array[]) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const files = Array.from({ length: count }, (_, i) => picture(`load.${i}`, 9 + i, 20 - i));
    const paths = files.map((_, i) => join(folder, `${i}.png`));
    for (const [i, path] of paths.entries()) await Deno.writeFile(path, files[i]);
    await test(paths, files);
  });
}

Deno.test("batches hold every image once, in order, with the hash of its file", () =>
  withPictures(7, async (paths, files) => {
    const done: number[] = [], batches = [];
    for await (const batch of loadImages(paths, S, { batch: 3, onImage: (n) => done.push(n) })) {
      batches.push(batch);
    }
    deepEqual(batches.map(({ indices }) => indices), [[0, 1, 2], [3, 4, 5], [6]]);
    deepEqual(done, [1, 2, 3, 4, 5, 6, 7]);
    for (const { indices, hashes, data } of batches) {
      equal(data.length, indices.length * S * S * 3);
      for (const [k, index] of indices.entries()) {
        equal(hashes[k], sha256(files[index]));
        const expected = resizeBilinear(await decodeImage(files[index], ""), S);
        deepEqual(data.slice(k * S * S * 3, (k + 1) * S * S * 3), expected);
        deepEqual(await loadImage(paths[index], S), expected);
      }
    }
  }));

Deno.test("images that are not wanted are neither decoded nor in a batch", () =>
  withPictures(5, async (paths, files) => {
    await Deno.writeTextFile(paths[1], "no image"); // skipped before anybody looks into it
    const asked: string[] = [], seen: number[][] = [];
    let done = 0;
    const skip = (hash: string, index: number): boolean => {
      asked[index] = hash;
      return index === 1 || index === 4;
    };
    for await (
      const { indices, data } of loadImages(paths, S, {
        batch: 2,
        skip,
        onImage: (n) => done = n,
      })
    ) {
      seen.push(indices);
      equal(data.length, indices.length * S * S * 3);
    }
    deepEqual(seen, [[0, 2], [3]]);
    equal(done, 5);
    equal(asked[4], sha256(files[4]));
  }));

Deno.test("a hash is SHA-256 in hex", () => {
  equal(sha256(new Uint8Array()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

Deno.test("a file that is missing or no image is named", () =>
  withPictures(2, async (paths) => {
    await Deno.writeTextFile(paths[1], "no image");
    await rejects(Array.fromAsync(loadImages(paths, S)), { name: "InputError", message: /1\.png/ });
    await Deno.remove(paths[1]);
    await rejects(loadImage(paths[1], S), { name: "InputError", message: /Can't read .*1\.png/ });
  }));

Deno.test("a mask has its image's size; no file means no anomalous pixel", () =>
  inFolder(async (folder) => {
    const image = join(folder, "a.png"), mask = join(folder, "a_mask.png");
    await Deno.writeFile(image, picture("a", 32, 32));
    await Deno.writeFile(mask, maskFile(32 * 16, 32, 32));
    const loaded = await loadMask(mask, image, S);
    loaded.forEach((on, i) => equal(on, i < S * S / 2 ? 1 : 0));
    deepEqual(await loadMask(null, image, S), new Uint8Array(S * S));
    await Deno.writeFile(mask, maskFile(5, 32, 31));
    await rejects(loadMask(mask, image, S), {
      name: "InputError",
      message: /a_mask\.png to be 32×32 pixels as its image is, but found 32×31/,
    });
  }));
