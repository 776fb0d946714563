/**
 * The feature cache: what was put is found under the same key only, damage is never trusted, and a disk that refuses
 * costs nothing but a warning.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import fc from "npm:fast-check@^4.10.2";
import { defaultCacheFolder, FeatureCache, type FeatureCacheOptions } from "../../src/host/feature_cache.ts";
import { fill } from "../fill.ts";
import { inFolder } from "../folder.ts";

const LENGTH = 60;
/** Of an entry: two hashes and the features. */
const ENTRY_BYTES = 64 + 4 * LENGTH;

function open(folder: string, options: FeatureCacheOptions = {}): FeatureCache {
  const onWarning = (message: string): never => {
    throw new Error(`unexpected warning: ${message}`);
  };
  return new FeatureCache(folder, { onWarning, ...options });
}

/** The bits of floats, which tell one NaN from another and 0 from -0. */
function bits(floats: Float32Array | null): Uint32Array {
  return new Uint32Array(Float32Array.from(floats!).buffer);
}

/** Paths of all files below a folder. */
async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    files.push(...isDirectory ? await filesIn(join(folder, name)) : [join(folder, name)]);
  }
  return files;
}

Deno.test("features come back bit for bit, also for another cache object, NaN and -0 included", () =>
  inFolder(async (folder) => {
    const values = fill("cache", LENGTH);
    values.set([NaN, -0, Infinity, 1e-45]);
    equal(await open(folder).get("a"), null);
    await open(folder).put("a", values);
    deepEqual(bits(await open(folder).get("a")), bits(values));
    equal(
      (await filesIn(folder)).filter((path) => /[\\/][0-9a-f]{2}[\\/][0-9a-f]{62}\.features$/.test(path))
        .length,
      1,
    );
    await open(folder).put("a", values.map((v) => v + 1)); // overwrites
    deepEqual(bits(await open(folder).get("a")), bits(values.map((v) => v + 1)));
  }));

Deno.test("a part of a larger array is kept without its surroundings", () =>
  inFolder(async (folder) => {
    const all = fill("cache.part", 3 * LENGTH);
    await open(folder).put("a", all.subarray(LENGTH, 2 * LENGTH));
    deepEqual(await open(folder).get("a"), all.slice(LENGTH, 2 * LENGTH));
  }));

Deno.test("an entry lies where its key's hash says, so that those of earlier versions are found", () =>
  inFolder(async (folder) => {
    const key = JSON.stringify([1, "ab".repeat(32), "gabor:1234", 32, [16, 4]]);
    const values = Float32Array.of(1, 2),
      path = join(folder, "9a", "81f9eec974471b014194330f2e64bdac5c59420dd515ec206a9ef8cdf9af8d.features");
    await open(folder).put(key, values);
    deepEqual(await filesIn(folder), [path]);
    equal(await open(folder).get(key + " "), null);
  }));

Deno.test("an entry that was changed, cut off, lengthened or moved is not found, and that is said once", () =>
  inFolder(async (folder) => {
    const told: string[] = [], cache = open(folder, { onWarning: (message) => told.push(message) });
    const values = fill("cache", LENGTH);
    await cache.put("a", values);
    const [path] = await filesIn(folder), whole = await Deno.readFile(path);
    await fc.assert(fc.asyncProperty(
      fc.oneof(
        fc.tuple(fc.nat(ENTRY_BYTES - 1), fc.integer({ min: 1, max: 255 })).map(([at, bits]) =>
          whole.map((byte, i) => i === at ? byte ^ bits : byte)
        ),
        fc.nat(ENTRY_BYTES - 1).map((length) => whole.slice(0, length)),
        fc.integer({ min: 1, max: 40 }).map((more) => Uint8Array.from([...whole, ...new Uint8Array(more)])),
      ),
      async (damaged) => {
        await Deno.writeFile(path, damaged);
        equal(await cache.get("a"), null);
      },
    ));
    await cache.put("a", values);
    deepEqual(await cache.get("a"), values);
    // Another image's sound entry in this one's place.
    await cache.put("b", values.map((v) => -v));
    const other = (await filesIn(folder)).find((file) => file !== path)!;
    await Deno.copyFile(other, path);
    equal(await cache.get("a"), null);
    deepEqual(told, [`${path} is damaged: it is made anew, and others that are`]);
  }));

Deno.test("a cache that can't be written says so once and goes on", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "in the way");
    const warnings: string[] = [];
    const cache = open(join(folder, "file", "cache"), { onWarning: (message) => warnings.push(message) });
    for (const image of ["a", "b"]) {
      equal(await cache.get(image), null);
      await cache.put(image, new Float32Array(LENGTH));
    }
    equal(warnings.length, 1);
    match(warnings[0], /^The feature cache .*cache can't be (read|written), going on without: \w.*$/);
    deepEqual(await filesIn(folder), [join(folder, "file")]);
  }));

Deno.test("two that keep the same features at once are not in each other's way", () =>
  inFolder(async (folder) => {
    const values = fill("cache", LENGTH), caches = [open(folder), open(folder)];
    for (let i = 0; i < 20; i++) await Promise.all(caches.map((cache) => cache.put(`${i}`, values)));
    for (let i = 0; i < 20; i++) deepEqual(await open(folder).get(`${i}`), values);
    equal((await filesIn(folder)).length, 20);
  }));

Deno.test("a write that fails leaves no partial file", () =>
  inFolder(async (folder) => {
    const warnings: string[] = [], onWarning = (message: string): number => warnings.push(message);
    await open(folder).put("a", new Float32Array(LENGTH));
    const [path] = await filesIn(folder);
    await Deno.remove(path);
    await Deno.mkdir(join(path, "in the way"), { recursive: true }); // a folder, which no file replaces
    await open(folder, { onWarning }).put("a", new Float32Array(LENGTH));
    equal(warnings.length, 1);
    deepEqual(await filesIn(folder), []);
  }));

Deno.test("beyond the bound, what was not used for longest goes, and nothing else that lies there", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "ab"));
    const foreign = [join(folder, "ab", "notes.features"), join(folder, "notes.txt")];
    for (const path of foreign) await Deno.writeTextFile(path, "x".repeat(5000));
    const writer = open(folder);
    const images = ["a", "b", "c", "d"], paths: string[] = [];
    for (const [i, image] of images.entries()) {
      await writer.put(image, new Float32Array(LENGTH).fill(i));
      const path = (await filesIn(folder)).find((path) => !paths.includes(path) && !foreign.includes(path))!;
      paths.push(path);
      const used = new Date(2020, 0, 1 + i);
      await Deno.utime(path, used, used);
    }
    await writer.get("a"); // now the latest
    // Room for four: the fifth sends the total down to nine tenths of it, three entries.
    await open(folder, { maxBytes: 4 * ENTRY_BYTES }).put("e", new Float32Array(LENGTH));
    const left = [];
    for (const image of [...images, "e"]) if (await writer.get(image) !== null) left.push(image);
    deepEqual(left, ["a", "d", "e"]);
    for (const path of foreign) equal((await Deno.stat(path)).size, 5000);
  }));

Deno.test("the default folder follows the system's customs", () => {
  const folder = (os: string, env: Record<string, string>): string | null =>
    defaultCacheFolder(os, (name) => env[name]);
  equal(folder("linux", { HOME: "/h", XDG_CACHE_HOME: "/x" }), join("/x", "adtr"));
  equal(folder("linux", { HOME: "/h", XDG_CACHE_HOME: "" }), join("/h", ".cache", "adtr"));
  equal(folder("windows", { HOME: "/h", LOCALAPPDATA: "/l" }), join("/l", "adtr"));
  equal(folder("linux", {}), null);
});
