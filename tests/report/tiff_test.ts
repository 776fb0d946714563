/**
 * Float TIFFs: read back by another program's reader, in the evaluation's folders, at the images' sizes.
 *
 * @module
 */
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { decode } from "npm:tiff@^7.1.3";
import { encodeFloatTiff } from "../../src/report/tiff.ts";
import { tiffPaths, writeTiffMaps } from "../../src/host/tiff_maps.ts";
import { type FloatMap, resizeMap } from "../../src/data/float_map.ts";
import { picture } from "../data/pictures.ts";
import { fill } from "../fill.ts";
import { inFolder } from "../folder.ts";

Deno.test("every value comes back, bit for bit", () => {
  for (const [width, height] of [[1, 1], [5, 3], [300, 217], [2, 70000]]) {
    const data = fill("tiff", width * height, -1e3, 1e3);
    data.set([1e-40, 3.4e38, -0, NaN, Infinity].slice(0, data.length));
    const pages = decode(encodeFloatTiff(data, width, height));
    equal(pages.length, 1);
    const { samplesPerPixel, bitsPerSample, sampleFormat, compression, data: found } = pages[0];
    deepEqual([pages[0].width, pages[0].height, samplesPerPixel, bitsPerSample], [width, height, 1, 32]);
    deepEqual([sampleFormat, compression], [3, 1]);
    const { buffer, byteOffset, byteLength } = found as Float32Array;
    deepEqual(new Uint8Array(buffer, byteOffset, byteLength), new Uint8Array(data.buffer));
  }
  throws(() => encodeFloatTiff(new Float32Array(6), 2, 2), /Expected 2×2 values, but found 6/);
});

Deno.test("the bytes of a small file", () => {
  const bytes = encodeFloatTiff(Float32Array.of(1, -2), 2, 1),
    text = (from: number, to: number) =>
      [...bytes.subarray(from, to)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  equal(text(0, 10), "49492a00080000000a00");
  equal(text(10, 34), "000104000100000002000000" + "010104000100000001000000");
  equal(text(70, 82), "110104000100000088000000"); // the strip begins at 136
  equal(text(130, 144), "000000000000" + "0000803f" + "000000c0");
});

Deno.test("maps at other sizes, as PyTorch interpolates them without aligned corners", () => {
  const square = (side: number, ...values: number[]): FloatMap => (
    { width: side, height: side, data: Float32Array.from(values) }
  );
  const map = square(2, 0, 4, 8, 20);
  const resized = (map: FloatMap, width: number, height: number) => [...resizeMap(map, width, height).data];
  deepEqual(resizeMap(map, 2, 2), map);
  // torch.nn.functional.interpolate(map.reshape(1, 1, 2, 2), (2, 4), mode="bilinear")
  deepEqual(resized(map, 4, 2), [0, 1, 3, 4, 8, 11, 17, 20]);
  deepEqual(resized(map, 1, 4), [2, 5, 11, 14]);
  deepEqual(resized(square(1, 7), 3, 2), [7, 7, 7, 7, 7, 7]);
  // Where it shrinks, no antialias: the middle of three is the middle.
  deepEqual(resized(square(3, 1, 2, 3, 4, 5, 6, 7, 8, 9), 1, 1), [5]);
});

Deno.test("the evaluation's folders, one file for each image of its size", () =>
  inFolder(async (root) => {
    const images = [["good", "000.png", 12, 10], ["crack", "000.png", 9, 30], [
      "crack",
      "a.b.png",
      16,
      16,
    ]] as const;
    const maps = [];
    for (const [defect, name, width, height] of images) {
      const path = join(root, defect, name);
      await Deno.mkdir(join(root, defect), { recursive: true });
      await Deno.writeFile(path, picture(name, width, height));
      maps.push({ path, defect, map: { width: 8, height: 8, data: fill(defect + name, 64, 0, 5) } });
    }
    const out = join(root, "out");
    await writeTiffMaps(out, "tile", maps);
    for (const [i, file] of ["good/000.tiff", "crack/000.tiff", "crack/a.b.tiff"].entries()) {
      const [page] = decode(await Deno.readFile(join(out, "tile", "test", file)));
      const [, , width, height] = images[i];
      deepEqual([page.width, page.height], [width, height]);
      deepEqual(page.data, resizeMap(maps[i].map, width, height).data);
    }
    const left = [];
    for await (const { name } of Deno.readDir(join(out, "tile", "test", "crack"))) left.push(name);
    deepEqual(left.sort(), ["000.tiff", "a.b.tiff"]);

    const twin = { ...maps[1], path: join(root, "crack", "000.jpg") };
    await Deno.copyFile(maps[1].path, twin.path);
    await rejects(writeTiffMaps(join(root, "again"), "tile", [...maps, twin]), {
      name: "InputError",
      message: /names differ before the dot, but found .*000\.png, .*000\.jpg/,
    });
    deepEqual(tiffPaths(maps), [
      join("test", "good", "000.tiff"),
      join("test", "crack", "000.tiff"),
      join("test", "crack", "a.b.tiff"),
    ]);
    throws(() => tiffPaths([{ path: "cifar10:c/test/frog/0", defect: "good" }]), {
      name: "InputError",
      message: "Expected image files to write TIFFs of their sizes for, but found cifar10:c/test/frog/0",
    });
    await rejects(
      writeTiffMaps(out, "tile", [{ ...twin, path: join(root, "gone.png") }]),
      /Can't read .*gone/,
    );
  }));
