/**
 * Images and masks as files: what they are called by, their hashes, and what can't be read.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { decodeImage } from "../../src/data/image.ts";
import { decodeMask } from "../../src/data/mask.ts";
import { files } from "../../src/host/image_files.ts";
import { maskFile, picture } from "../data/pictures.ts";
import { inFolder } from "../folder.ts";

Deno.test("a file's picture has the hash of its bytes, and its mask the same size", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.png"), mask = join(folder, "a_mask.png"), bytes = picture("a", 32, 32);
    await Deno.writeFile(path, bytes);
    await Deno.writeFile(mask, maskFile(32 * 16, 32, 32));
    const { hash, decode } = await files.open(path);
    equal(hash, createHash("sha256").update(bytes).digest("hex"));
    deepEqual(await decode(), await decodeImage(bytes, path));
    deepEqual(await files.mask(mask, path), await decodeMask(maskFile(32 * 16, 32, 32), mask));
    await Deno.writeFile(mask, maskFile(5, 32, 31));
    await rejects(files.mask(mask, path), {
      name: "InputError",
      message: /a_mask\.png to be 32×32 pixels as its image is, but found 32×31/,
    });
  }));

Deno.test("a file that is missing or no image is named", () =>
  inFolder(async (folder) => {
    const path = join(folder, "1.png");
    await rejects(files.open(path), { name: "InputError", message: /Can't read .*1\.png/ });
    await Deno.writeTextFile(path, "no image");
    await rejects((await files.open(path)).decode(), { name: "InputError", message: /1\.png/ });
  }));
