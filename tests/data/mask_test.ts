/**
 * Masks: which pixels of a file are anomalous, which way up it lies, and what is said where that was taken for granted.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { encode } from "npm:fast-png@^8.0.0";
import { imagesInMemory } from "../../src/data/images.ts";
import { decodeMask, NOTES, readMask } from "../../src/data/mask.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";

const { tensors } = await readSafetensors(new URL("../golden/images.safetensors", import.meta.url).pathname);
const file = (kind: string): Uint8Array<ArrayBuffer> => tensors.get(`file.${kind}`)!.bytes.slice();

const W = 12, H = 10, OWNER = { width: W, height: H, orientation: 1 };
/** A grey PNG whose pixels are `values`, one after another, and black. */
function mask(values: readonly number[], depth: 8 | 16 = 8, width = W, height = H): Uint8Array {
  const data = new (depth === 8 ? Uint8Array : Uint16Array)(width * height);
  data.set(values);
  return encode({ width, height, depth, channels: 1, data });
}
const steps = (count: number, step: number): number[] =>
  Array.from({ length: count }, (_, i) => (i + 1) * step);

/** Values, and how many of the first ones are not anomalous. */
const RULES: [name: string, bytes: Uint8Array, values: number, normal: number, note?: string][] = [
  ["white", mask([255, 255]), 2, 0],
  ["ones", mask([1, 1]), 2, 0],
  ["one of any value", mask([7]), 1, 0],
  ["ones of 65535", mask([1], 16), 1, 0],
  ["labels", mask([1, 2, 3, 4]), 4, 0, NOTES.labels],
  ["many labels", mask(steps(20, 1)), 20, 0, NOTES.labels],
  ["bright labels", mask([40, 80, 120, 255]), 4, 0, NOTES.few],
  ["noise beside white", mask([2, 255]), 2, 1, NOTES.few],
  ["noise beside white of 16 bits", mask([500, 65535], 16), 2, 1, NOTES.few],
  ["1/16 of white", mask([15, 16, 255]), 3, 1, NOTES.few],
  ["soft edges", mask([5, 20, 60, 100, 127, 128, 200, 210, 220, 255]), 10, 5, NOTES.soft],
];
for (const [name, bytes, values, normal, note] of RULES) {
  Deno.test(`a mask of ${name}`, async () => {
    const found = await readMask(bytes, "m.png", OWNER);
    deepEqual(found.notes, note ? [note] : []);
    deepEqual(found.mask, await decodeMask(bytes, "m.png"));
    const expected = new Uint8Array(W * H).fill(1, normal, values);
    deepEqual(found.mask.data, expected);
  });
}

Deno.test("any colour counts, and transparent ones don't", async () => {
  const of = async (channels: 2 | 3 | 4, pixel: number[]): Promise<number> => {
    const data = new Uint8Array(channels * W * H);
    data.set(pixel);
    return (await decodeMask(encode({ width: W, height: H, depth: 8, channels, data }), "")).data[0];
  };
  equal(await of(3, [0, 0, 9]), 1);
  equal(await of(4, [0, 200, 0, 255]), 1);
  equal(await of(4, [255, 255, 255, 0]), 0);
  equal(await of(2, [255, 0]), 0);
});

Deno.test("what is compressed with loss is cut at half of white", async () => {
  for (const kind of ["jpeg.grey", "webp.lossy", "tiff.jpeg_grey"]) {
    const { shape: [height, width], bytes } = tensors.get(`rgb.${kind}`)!;
    const { mask, notes } = await readMask(file(kind), "m", { width, height, orientation: 1 });
    equal(notes[0], NOTES.lossy, kind);
    const brightest = (i: number) => Math.max(...bytes.subarray(3 * i, 3 * i + 3));
    deepEqual(mask.data, Uint8Array.from(mask.data, (_, i) => brightest(i) >= 128 ? 1 : 0), kind);
  }
});

Deno.test("a mask of most of its image is told", async () => {
  deepEqual((await readMask(mask(Array(61).fill(255)), "m", OWNER)).notes, [NOTES.most]);
  deepEqual((await readMask(mask(Array(60).fill(255)), "m", OWNER)).notes, []);
});

Deno.test("masks lie as their images do, drawn upright or as stored", async () => {
  const upright = mask([255]), stored = mask([255], 8, H, W);
  const read = (bytes: Uint8Array, orientation: number, [width, height] = [W, H]) =>
    readMask(bytes, "m.png", { width, height, orientation });
  const at = (data: Uint8Array) => [...data.keys()].filter((i) => data[i] === 1);
  // Sides tell.
  deepEqual((await read(upright, 6)).notes, []);
  deepEqual(at((await read(upright, 6)).mask.data), [0]);
  for (const [orientation, first] of [[5, 0], [6, W - 1], [7, W * H - 1], [8, W * (H - 1)]]) {
    const { mask, notes } = await read(stored, orientation);
    deepEqual([notes, mask.width, mask.height, at(mask.data)], [[NOTES.stored], W, H, [first]]);
  }
  // They don't.
  for (const orientation of [2, 3, 4]) deepEqual((await read(upright, orientation)).notes, [NOTES.turned]);
  const square = mask([255], 8, H, H);
  deepEqual((await read(square, 8, [H, H])).notes, [NOTES.turned]);
  deepEqual(at((await read(square, 8, [H, H])).mask.data), [0]);
  // The mask says it itself.
  const { notes } = await read(file("png.turned"), 8, [9, 13]);
  equal(notes.includes(NOTES.stored) || notes.includes(NOTES.turned), false);
  await rejects(read(stored, 3), {
    name: "InputError",
    message: "Expected m.png to be 12×10 pixels as its image is, but found 10×12",
  });
});

Deno.test("masks in memory are turned with the files of their images", async () => {
  const images = { a: file("jpeg.turned6"), b: { width: W, height: H, data: new Uint8Array(3 * W * H) } };
  const [stored, upright] = [[40, 24], [24, 40]].map(([width, height]) => mask([255], 8, width, height));
  const memory = imagesInMemory(images, { stored, upright, b: mask([255]), small: mask([255], 8, 9, 9) });
  equal((await memory.mask("upright", "a")).data[0], 1);
  equal((await memory.mask("stored", "a")).data[23], 1);
  equal((await memory.mask("b", "b")).data[0], 1);
  await rejects(
    memory.mask("small", "b"),
    /Expected small to be 12×10 pixels as its image is, but found 9×9/,
  );
});
