/**
 * Regions of interest from files: what a command is given becomes the setting's text.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { encodePng } from "../../src/data/image.ts";
import { readRoi } from "../../src/data/roi.ts";
import { roiFrom, withRoi } from "../../src/host/roi_file.ts";
import { inFolder } from "../folder.ts";

const WIDTH = 12, HEIGHT = 9;

/** Grey of some brightness in the right half. */
function half(brightness: number): Uint8Array {
  const data = Uint8Array.from(
    { length: 3 * WIDTH * HEIGHT },
    (_, i) => Math.floor(i / 3) % WIDTH >= 6 ? brightness : 20,
  );
  return encodePng({ width: WIDTH, height: HEIGHT, data });
}

Deno.test("a file's mask is white from half on, and becomes a text", () =>
  inFolder(async (folder) => {
    const path = join(folder, "region.png");
    for (const brightness of [255, 128]) {
      await Deno.writeFile(path, half(brightness));
      const text = await roiFrom(path), roi = readRoi(text);
      ok(roi && "mask" in roi);
      deepEqual([roi.mask.width, roi.mask.height], [WIDTH, HEIGHT]);
      roi.mask.data.forEach((on, i) => equal(on, i % WIDTH >= 6 ? 1 : 0));
      equal(await roiFrom(text), text); // as from a config file
      deepEqual(await withRoi({ roi: path, seed: 1 }), { roi: text, seed: 1 });
    }
    await Deno.writeFile(path, half(127));
    await rejects(roiFrom(path), { name: "InputError", message: /Expected .*region\.png to be white where/ });
    await Deno.writeTextFile(path, "no image");
    await rejects(roiFrom(path), { name: "InputError", message: /region\.png/ });
    await rejects(roiFrom(join(folder, "gone.png")), { name: "InputError", message: /gone\.png/ });
  }));

Deno.test("what is no path stays as it is: the setting's rule says what is wrong with it", async () => {
  for (const text of ["none", "1,2,3,4", "10%,10%,80%,80%", "1,2,3", "-1,0,5,5", ""]) {
    equal(await roiFrom(text), text);
  }
  deepEqual(await withRoi<{ roi?: string; seed: number }>({ seed: 3 }), { seed: 3 });
});
