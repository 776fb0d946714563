/**
 * Loading in batches, masks at the images' size, and the hashes that features are kept by: images in memory.
 *
 * @module
 */
import { deepEqual, equal, notEqual, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { decodeImage } from "../../src/data/image.ts";
import { imagesInMemory } from "../../src/data/images.ts";
import { loadImage, loadImages, loadMask } from "../../src/data/load.ts";
import { resizeBilinear } from "../../src/data/resize.ts";
import { maskFile, picture } from "./pictures.ts";

const S = 16;
const files = Array.from({ length: 7 }, (_, i) => picture(`load.${i}`, 9 + i, 20 - i));
const names = files.map((_, i) => `${i}.png`);
const images = imagesInMemory(Object.fromEntries(files.map((file, i) => [names[i], file])));

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

Deno.test("batches hold every image once, in order, with the hash of its file", async () => {
  const done: number[] = [], batches = [];
  for await (const batch of loadImages(images, names, S, { batch: 3, onImage: (n) => done.push(n) })) {
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
      deepEqual(await loadImage(images, names[index], S), expected);
    }
  }
});

Deno.test("images that are not wanted are neither decoded nor in a batch", async () => {
  const some = imagesInMemory({
    ...Object.fromEntries(files.slice(0, 5).map((file, i) => [names[i], file])),
    [names[1]]: new TextEncoder().encode("no image"), // skipped before anybody looks into it
  });
  const asked: string[] = [], seen: number[][] = [];
  let done = 0;
  const skip = (hash: string, index: number): boolean => {
    asked[index] = hash;
    return index === 1 || index === 4;
  };
  for await (
    const { indices, data } of loadImages(some, names.slice(0, 5), S, {
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
});

Deno.test("pixels are images too, with a hash that tells other sizes apart", async () => {
  const data = Uint8Array.from({ length: 3 * 8 * 16 }, (_, i) => i);
  const memory = imagesInMemory({
    wide: { width: 16, height: 8, data },
    high: { width: 8, height: 16, data },
  });
  const [wide, high] = [await memory.open("wide"), await memory.open("high")];
  deepEqual(await wide.decode(), { width: 16, height: 8, data });
  notEqual(wide.hash, high.hash);
  equal(wide.hash, (await memory.open("wide")).hash);
});

Deno.test("what is missing or no image is named", async () => {
  const odd = imagesInMemory({ "odd.png": new TextEncoder().encode("no image") });
  await rejects(loadImage(odd, "odd.png", S), { name: "InputError", message: /odd\.png/ });
  await rejects(loadImage(odd, "toString", S), {
    name: "InputError",
    message: "Expected toString to be an image in memory, but found none of that name",
  });
  await rejects(odd.mask("m", "odd.png"), { message: /Expected m to be a mask in memory/ });
});

Deno.test("a mask has its image's size; none means no anomalous pixel", async () => {
  const half = new Uint8Array(32 * 32).fill(1, 0, 32 * 16);
  const memory = imagesInMemory({ "a.png": picture("a", 32, 32) }, {
    "file": maskFile(32 * 16, 32, 32),
    "pixels": { width: 32, height: 32, data: half },
    "other": maskFile(5, 32, 31),
  });
  for (const name of ["file", "pixels"]) {
    const loaded = await loadMask(memory, name, "a.png", S);
    loaded.forEach((on, i) => equal(on, i < S * S / 2 ? 1 : 0));
  }
  deepEqual(await loadMask(memory, null, "a.png", S), new Uint8Array(S * S));
  await rejects(loadMask(memory, "other", "a.png", S), {
    name: "InputError",
    message: "Expected other to be 32×32 pixels as its image is, but found 32×31",
  });
});
