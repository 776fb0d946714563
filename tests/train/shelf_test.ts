/**
 * Trainings whose features lie in a file while they learn: they end with the same bytes as those in memory.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { FileShelf } from "../../src/host/file_shelf.ts";
import { RunFolder } from "../../src/host/run_folder.ts";
import type { AdtrSettings } from "../../src/methods/adtr/settings.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { onShelf } from "../../src/score/kept.ts";
import { NO_JOURNAL } from "../../src/train/journal.ts";
import { learn } from "../../src/train/learn.ts";
import { fill } from "../fill.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { bytesIn, type Options, train, trainUntil } from "./runs.ts";
import { TINY, tinyCategory, tinySettings, tinySource } from "./tiny.ts";

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test("what is put on a shelf is read again and again, and is gone with it", () =>
  inFolder((folder) => {
    const floats = fill("shelf", 1000);
    floats.set([NaN, -0, Infinity]);
    const bits = (values: Float32Array) => new Uint32Array(Float32Array.from(values).buffer);
    {
      using shelf = new FileShelf(folder);
      const { keep, list } = onShelf(shelf);
      const some = keep(floats.subarray(10, 20)), all = keep(floats), bytes = keep(Uint8Array.of(1, 2, 3));
      const none = keep(new Float32Array(0));
      for (let i = 0; i < 2; i++) {
        deepEqual(bits(some()), bits(floats.subarray(10, 20)));
        deepEqual([bits(all()), [...bytes()], none().length], [bits(floats), [1, 2, 3], 0]);
      }
      ok(all() !== all());
      let made = 0;
      const squares = list(4, (i) => (made++, i * i));
      equal(made, 0);
      deepEqual([[...squares], squares.slice(1, 3), squares[3], squares.length], [
        [0, 1, 4, 9],
        [1, 4],
        9,
        4,
      ]);
      deepEqual([squares.map((x) => x + 1), made], [[1, 2, 5, 10], 11]);
      throws(() => shelf.read(shelf.add(new Uint8Array(8)), 9), { name: "RangeError" });
      if (Deno.build.os !== "windows") deepEqual(names(folder), []); // nothing that a killed program could leave
    }
    deepEqual(names(folder), []);
    throws(() => new FileShelf(join(folder, "none")), {
      name: "InputError",
      message: /^Can't use .*: No such file/,
    });
    return Promise.resolve();
  }));

Deno.test({
  name: "a disk that takes no more is told, with what it was for",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      const shelf = new URL("../../src/host/file_shelf.ts", import.meta.url).href;
      const code = `import { FileShelf } from "${shelf}";
        const shelf = new FileShelf("${folder}");
        try { shelf.add(new Uint8Array(1e6)) } catch (e) { console.log(e.name, e.message) }`;
      const { stdout } = await new Deno.Command("sh", {
        args: ["-c", `trap '' XFSZ; ulimit -f 128; exec "$0" eval "$1"`, Deno.execPath(), code],
      }).output();
      const told = /^InputError Can't use \S+, for features that memory has no room for: File too large\n$/;
      match(new TextDecoder().decode(stdout), told);
    }),
});

/** Trains in memory and with a shelf, and compares all files. @returns what the latter warned of */
async function same<S extends object>(
  folder: string,
  name: string,
  settings: Settings<S>,
  options: (category: string) => Options = () => ({}),
): Promise<string[]> {
  const category = await tinyCategory(join(folder, name)), warnings: string[] = [];
  const [memory, file] = [join(folder, `${name}-memory`), join(folder, `${name}-file`)];
  const given = options(join(folder, name, "data", "grid"));
  const onWarning = (message: string) => void warnings.push(message);
  const source = { ...given.source ?? tinySource(gpu), onWarning };
  await train(category, memory, settings, { ...given, source });
  deepEqual(warnings.splice(0), []);
  await train(category, file, settings, { ...given, source, featureBytes: 1000 });
  deepEqual(await bytesIn(file), await bytesIn(memory), name);
  return warnings;
}

const PLUS = { ...TINY, epochs: 2, base_epochs: 2 };
const inTest = (data: string, defect: string) => ["000.png"].map((name) => join(data, "test", defect, name));

Deno.test("with features in a file, ADTR ends with the same bytes, images held out or brought down to components", () =>
  inFolder(async (folder) => {
    const told = await same(folder, "adtr", {
      ...TINY,
      epochs: 2,
      folds: 2,
      score: "residual-padim",
      components: 5,
    });
    const expected =
      /^grid: features of \d+ MiB are kept in a file until it has learned, as memory has no room for them$/;
    equal(told.length, 1);
    match(told[0], expected);
  }));

Deno.test("and ADTR+, whatever it learns from", () =>
  inFolder(async (folder) => {
    await same<AdtrSettings>(folder, "drawn", { ...PLUS, loss: "px" });
    await same<AdtrSettings>(folder, "pool", { ...PLUS, loss: "px", anomaly_pool: 5 });
    await same<AdtrSettings>(folder, "outliers", { ...PLUS, loss: "img", image_k: 4 }, (data) => ({
      outliers: inTest(data, "good"),
    }));
  }));

Deno.test("and methods that look at pixels, or at both", () =>
  inFolder(async (folder) => {
    const settings = { epochs: 2, batch_size: 3 };
    await same(folder, "pixels", tinySettings({ ...settings, method: "ae" }, "demo"), () => ({
      source: { ...tinySource(gpu), backbone: null },
    }));
    await same(folder, "both", tinySettings({ ...settings, method: "ts" }, "demo"));
  }));

Deno.test("and methods that take no steps, which read features more than once", () =>
  inFolder(async (folder) => {
    for (const method of ["mahalanobis", "padim", "patchcore", "knn", "spade", "kde", "gaussian"]) {
      const [told] = await same(folder, method, tinySettings({ method }, "demo"));
      match(told, /^grid: features of \d+ MiB are kept in a file/);
    }
  }));

Deno.test("stopped and gone on with, and without a place for it", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder), [whole, out] = [join(folder, "whole"), join(folder, "out")];
    await train(category, whole, TINY);
    await trainUntil(["training", 5], category, out, TINY, { featureBytes: 1000 });
    await train(category, out, TINY, { resume: true, featureBytes: 1000 });
    deepEqual(await bytesIn(out), await bytesIn(whole));
    const settings = TINY as unknown as Settings, source = tinySource(gpu);
    const model = await learn({ source, category, settings, journal: NO_JOURNAL, featureBytes: 1000 });
    model!.fitted[Symbol.dispose]();
    await rejects(
      learn({
        source,
        category,
        settings,
        journal: new RunFolder(join(folder, "none"), false),
        featureBytes: 1000,
      }),
      { name: "InputError", message: /^Can't use .*: No such file or directory$/ },
    );
  }));
