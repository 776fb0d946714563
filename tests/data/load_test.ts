/**
 * Loading in batches, masks at the images' size, and the hashes that features are kept by: images in memory.
 *
 * @module
 */
import { deepEqual, equal, notEqual, ok, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { decodeImage } from "../../src/data/image.ts";
import { type Images, imagesInMemory } from "../../src/data/images.ts";
import { framingOf } from "../../src/data/frame.ts";
import { loadImage, loadMask, loadPieces } from "../../src/data/load.ts";
import { resizeBilinear } from "../../src/data/resize.ts";
import { maskFile, picture } from "./pictures.ts";

const S = 16;
const files = Array.from({ length: 7 }, (_, i) => picture(`load.${i}`, 9 + i, 20 - i));
const names = files.map((_, i) => `${i}.png`);
const images = imagesInMemory(Object.fromEntries(files.map((file, i) => [names[i], file])));

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

Deno.test("every image comes once, in order, with the hash of its file", async () => {
  const loaded = await Array.fromAsync(loadPieces(images, names, S));
  deepEqual(loaded.map(({ index }) => index), names.map((_, i) => i));
  for (const piece of loaded) {
    ok("pixels" in piece);
    deepEqual(piece.key, [sha256(files[piece.index])]);
    equal(piece.isLast, true);
    const expected = resizeBilinear(await decodeImage(files[piece.index], ""), S);
    deepEqual(await piece.pixels(), expected);
    deepEqual(await loadImage(images, names[piece.index], S), expected);
  }
});

Deno.test("an image is decoded when its pixels are wanted, once for all its pieces", async () => {
  let decoded = 0;
  const counting: Images = {
    ...images,
    async open(name) {
      const picture = await images.open(name);
      return { ...picture, decode: () => (decoded++, picture.decode()) };
    },
  };
  const tiles = framingOf({ fit: "stretch", roi: "none", tiles: 8, overlap: 2 });
  for await (const piece of loadPieces(counting, names.slice(0, 2), S, tiles)) {
    ok("pixels" in piece);
    if (piece.index === 1) await piece.pixels();
    equal(decoded, piece.index);
  }
});

Deno.test("the error comes in the place of an image that can't be found", async () => {
  const found = await Array.fromAsync(loadPieces(images, [names[0], "gone", names[1]], S));
  deepEqual(found.map(({ index }) => index), [0, 1, 2]);
  ok("error" in found[1]);
  equal(found[1].error.message, "Expected gone to be an image in memory, but found none of that name");
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
