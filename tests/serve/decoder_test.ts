/**
 * Decoding in threads: the same pixels, the same refusals, and an end for what hangs.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { decodeImage } from "../../src/data/image.ts";
import { Decoder } from "../../src/serve/decoder.ts";
import { png } from "./fake.ts";

Deno.test("images are decoded as ever, in their order, by as many threads as there are", async () => {
  using decoder = new Decoder({ maxPixels: 10_000, threads: 2 });
  const files = [1, 2, 3, 4, 5].map((value) => png(value, 9, 20 + value, 10));
  const found = await Promise.all(files.map((file, i) => decoder.decode(file, `${i}.png`)));
  for (const [i, file] of files.entries()) deepEqual(found[i], await decodeImage(file));
});

Deno.test("what is no image, or too large, is refused; the next is decoded", async () => {
  using decoder = new Decoder({ maxPixels: 100, threads: 1 });
  const text = new TextEncoder().encode("hello");
  await rejects(decoder.decode(text, "a.png"), {
    name: "InputError",
    message: /^Expected a\.png to be a PNG/,
  });
  await rejects(decoder.decode(png(1, 1, 11, 10), "b.png"), {
    name: "Refusal",
    status: 413,
    message: "Expected b.png to have at most 100 pixels, but found 11×10",
  });
  const huge = png(1, 1, 10, 10), header = new DataView(huge.buffer, huge.byteOffset);
  for (const at of [16, 20]) header.setUint32(at, 100_000); // more than anybody reads
  await rejects(decoder.decode(huge, "d.png"), { name: "Refusal", status: 413 });
  equal((await decoder.decode(png(1, 1, 10, 10), "c.png")).width, 10);
});

Deno.test("an image that takes too long is given up, and its thread with it", async () => {
  using decoder = new Decoder({ maxPixels: 2 ** 24, threads: 1, seconds: 0.001 });
  const late = {
    name: "InputError",
    message: "Expected to read a.png within 0.001 seconds, but it is not done",
  };
  for (let times = 0; times < 2; times++) await rejects(decoder.decode(png(1, 1, 1000, 1000), "a.png"), late);
});

Deno.test("who goes away while waiting is not decoded; nor is anything after the end", async () => {
  const decoder = new Decoder({ maxPixels: 10_000, threads: 1 }), going = new AbortController();
  const first = decoder.decode(png(1), "a.png"), second = decoder.decode(png(2), "b.png", going.signal);
  going.abort(new Error("gone"));
  await rejects(second, /gone/);
  await rejects(decoder.decode(png(2), "b.png", going.signal), /gone/);
  equal((await first).data[0], 1);
  const left = [decoder.decode(png(3), "c.png"), decoder.decode(png(4), "d.png")];
  decoder[Symbol.dispose]();
  for (const image of left) await rejects(image, /disposed of/);
});
