/**
 * What threads make of images is what is made without, and what is wrong with one is told as ever.
 *
 * @module
 */
import { deepEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import { cutImage, frameOf, STRETCH } from "../../src/data/frame.ts";
import { decodeImage, encodePng } from "../../src/data/image.ts";
import { draw, previewOf } from "../../src/host/image_job.ts";
import { ImageThreads } from "../../src/host/image_threads.ts";
import { fill } from "../fill.ts";

Deno.test("threads give the same bytes in the order they are asked for, and name what is damaged", async () => {
  const folder = await Deno.makeTempDir(), S = 16;
  try {
    const file = (width: number, height: number): Uint8Array =>
      encodePng({ width, height, data: Uint8Array.from(fill(`${width}`, 3 * width * height, 0, 256)) });
    const all = { "a.png": file(40, 24), "b.png": file(16, 16), "bad.png": file(30, 30).subarray(0, 90) };
    for (const [name, bytes] of Object.entries(all)) await Deno.writeFile(join(folder, name), bytes);
    using threads = new ImageThreads(true, 2);
    const map = { width: S, height: S, data: fill("map", S * S, 0, 1) },
      shades = { low: 0, high: 1, threshold: 0.7 };
    for (const name of ["a.png", "b.png"] as const) {
      const path = join(folder, name), picture = await threads.open(path);
      const frame = frameOf(await picture.size(), S, STRETCH, path), [piece] = frame.pieces;
      const whole = await decodeImage(all[name], path), preview = previewOf(whole, S, 256);
      const [pixels, seen] = await Promise.all([picture.cut!(frame, piece), picture.preview!(frame)]);
      deepEqual(pixels, cutImage(whole, frame, piece));
      deepEqual(seen, preview);
      deepEqual(await threads.preview(path, S, 256), preview);
      deepEqual(await threads.draw({ preview, map, shades }), draw({ preview, map, shades }));
      deepEqual(await picture.decode(), whole);
    }
    const path = join(folder, "bad.png");
    await rejects(threads.preview(path, S, 256), { name: "InputError", message: /bad\.png/ });
    await rejects(threads.open(join(folder, "none.png")), { name: "InputError", message: /none\.png/ });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what threads have not done when they are ended is rejected", async () => {
  const path = await Deno.makeTempFile(), data = new Uint8Array(3 * 64 * 64);
  try {
    await Deno.writeFile(path, encodePng({ width: 64, height: 64, data }));
    const threads = new ImageThreads(false, 1);
    const waiting = rejects(threads.preview(path, 8, 8), /disposed of/);
    threads[Symbol.dispose]();
    await waiting;
  } finally {
    await Deno.remove(path);
  }
});
