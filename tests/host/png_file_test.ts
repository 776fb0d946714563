import { deepEqual } from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { decodeImage } from "../../src/data/image.ts";
import { pngFile } from "../../src/host/png_file.ts";

Deno.test("a PNG file gives back its pixels, and every checksum in it is right", async () => {
  const side = fc.integer({ min: 8, max: 40 }), seed = fc.integer({ min: 1, max: 2 ** 20 });
  await fc.assert(fc.asyncProperty(side, side, seed, async (width, height, seed) => {
    const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => Math.imul(i + 1, seed) >> 5);
    deepEqual(await decodeImage(pngFile({ width, height, data })), { width, height, data });
  }));
});
