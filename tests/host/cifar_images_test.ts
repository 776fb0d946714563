/**
 * CIFAR as a data set: a class against all others, its images' paths, pixels and features, and what is refused.
 *
 * @module
 */
import { deepEqual, equal, notDeepEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import { FeatureCache } from "../../src/host/feature_cache.ts";
import { listOutliers } from "../../src/host/anomalous.ts";
import { files } from "../../src/host/image_files.ts";
import { checkDataset } from "../../src/host/check_dataset.ts";
import { listCategories, openCategory } from "../../src/host/dataset.ts";
import { loadImage, loadPieces } from "../../src/data/load.ts";
import { initialAdtr } from "../../src/model/adtr.ts";
import { FittedAdtr } from "../../src/methods/adtr/fitted.ts";
import { configOf } from "../../src/methods/adtr/method.ts";
import { UNDECIDED } from "../../src/methods/decision.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { evaluateCategory } from "../../src/score/evaluate.ts";
import { extractFeatures, pixelFeatures } from "../../src/score/features.ts";
import { gpu } from "../gpu.ts";
import { inFolder } from "../folder.ts";
import { TINY, tinySource } from "../train/tiny.ts";
import {
  CIFAR100_CLASSES,
  CIFAR10_CLASSES,
  FORMS,
  gzip,
  planes,
  records,
  tar,
  writeCifar10,
  writeFiles,
} from "../data/cifar_files.ts";

/** One of n images [n, 3, 32, 32] as RGB [32, 32, 3]. */
function pixels(planes: Uint8Array, at: number): Uint8Array {
  return Uint8Array.from({ length: 3072 }, (_, i) => planes[3072 * at + i % 3 * 1024 + Math.floor(i / 3)]);
}

Deno.test("a class trains on its own images, and is tested on all", () =>
  inFolder(async (folder) => {
    await writeCifar10(folder, [6, 3, 6], [3, 6, 0, 6]);
    const root = `cifar10:${folder}`;
    deepEqual(await listCategories(root), CIFAR10_CLASSES);
    const { test, ...rest } = await openCategory(root, "frog");
    const train = [0, 2, 3, 5, 6, 8, 9, 11, 12, 14].map((i) => `${root}/train/frog/${i}`);
    deepEqual(rest, { name: "frog", train, anomalous: [] });
    deepEqual(test.map(({ path, label, defect, mask }) => [path, label, defect, mask]), [
      [`${root}/test/cat/0`, 1, "cat", null],
      [`${root}/test/frog/1`, 0, "good", null],
      [`${root}/test/airplane/2`, 1, "airplane", null],
      [`${root}/test/frog/3`, 0, "good", null],
    ]);
    for (const [i, path] of train.entries()) { // two of three in each batch
      const batch = planes(`data_batch_${Math.floor(i / 2) + 1}`, 3);
      deepEqual(await loadImage(files, path, 32), pixels(batch, i % 2 * 2));
    }
    deepEqual(await loadImage(files, test[2].path, 32), pixels(planes("test_batch", 4), 2));
  }));

Deno.test("all forms of the same data set hold the same images, with the same hashes", () =>
  inFolder(async (folder) => {
    const archive = join(folder, "cifar.tar.gz");
    await writeFiles(join(folder, "bin"), FORMS["cifar-10-batches-bin"]);
    await writeFiles(join(folder, "py"), FORMS["cifar-10-batches-py"]);
    const inside = Object.entries(FORMS["cifar-10-batches-py"]).map(([name, bytes]) => [`a/${name}`, bytes]);
    await Deno.writeFile(archive, await gzip(tar(Object.fromEntries(inside))));
    const found = [];
    for (const path of [join(folder, "bin"), join(folder, "py"), archive]) {
      const { train, test } = await openCategory(`cifar10:${path}`, "truck");
      const paths = [...train, ...test.map(({ path }) => path)];
      const images = await Array.fromAsync(
        loadPieces(files, paths, 32),
        async (piece) => "error" in piece ? piece : [piece.key, await piece.pixels()],
      );
      found.push([paths.map((name) => name.slice(path.length + 8)), images]);
    }
    deepEqual(found[1], found[0]);
    deepEqual(found[2], found[0]);
  }));

Deno.test("features are those of the pixels, and are kept", () =>
  inFolder(async (folder) => {
    await writeCifar10(join(folder, "data"), [6], [6, 0]);
    const { train } = await openCategory(`cifar10:${join(folder, "data")}`, "frog");
    const source = { ...tinySource(gpu), cache: new FeatureCache(join(folder, "cache")) };
    const features = await extractFeatures(source, train);
    const images = await Promise.all(train.map((path) => loadImage(files, path, 32)));
    deepEqual(features, await pixelFeatures(tinySource(gpu), images, false));
    notDeepEqual(features[0], features[1]);
    const computed = () => {
      throw new Error("computed again");
    };
    const closed = { ...source, backbone: { ...source.backbone, features: computed } };
    deepEqual(await extractFeatures(closed, train), features);
  }));

Deno.test("evaluation: image metrics of all test images, no pixel metrics, the score is the map's mean", () =>
  inFolder(async (folder) => {
    await writeCifar10(folder, [6], [6, 0, 1, 6, 9]);
    const category = await openCategory(`cifar10:${folder}`, "frog"), source = tinySource(gpu);
    const settings = { ...TINY, image_score: "mean" as const };
    const config = configOf(settings, { C: source.backbone.channels, H: 4, W: 4 });
    const none = { normalisation: null, covariance: null, positions: null };
    using fitted = new FittedAdtr(gpu, { config, parameters: initialAdtr(config, 1), ...none });
    const method = methodNamed("adtr");
    const { metrics, images } = await evaluateCategory(
      { source, method, fitted, settings, decision: UNDECIDED },
      category,
    );
    deepEqual(
      images.map(({ label, truth }) => [label, truth && truth.length]),
      [0, 1, 1, 0, 1].map((label) => [
        label,
        label === 1 ? null : 1024,
      ]),
    );
    const normal = images.filter(({ label }) => label === 0),
      others = images.filter(({ label }) => label === 1);
    const above = others.flatMap(({ score }) => normal.map((other) => Number(score > other.score)));
    equal(metrics.image_auroc, above.reduce((a, b) => a + b) / above.length);
    deepEqual([metrics.pixel_auroc, metrics.pixel_ap, metrics.aupro], [null, null, null]);
    for (const { map, score } of images) {
      const mean = map!.data.reduce((a, b) => a + b) / map!.data.length;
      equal(Math.abs(score / mean - 1) < 1e-5, true, `${score} instead of ${mean}`);
    }
  }));

Deno.test("the check counts a class's images; irrelevant ones are the training images of all classes", () =>
  inFolder(async (folder) => {
    await writeCifar10(folder, [6, 3], [3, 6, 0, 6]);
    const root = `cifar10:${folder}`;
    deepEqual(await checkDataset(root, ["frog"]), [{
      name: "frog",
      train: 5,
      anomalous: 0,
      testGood: 2,
      testDefect: 2,
      defects: { cat: 1, airplane: 1 },
      width: null,
      height: null,
      sizes: 0,
      formats: {},
      errors: [],
      warnings: [],
    }]);
    deepEqual(
      await listOutliers(root),
      Array.from({ length: 10 }, (_, i) => `${root}/train/${i % 2 === 0 ? "frog" : "cat"}/${i}`),
    );
    const other = join(folder, "100");
    await writeFiles(other, FORMS["cifar-100-binary"]);
    deepEqual(
      await listOutliers(`cifar100:${other}`),
      ["class 99/0", "class 5/1"].map((name) => `cifar100:${other}/train/${name}`),
    );
    deepEqual(await listCategories(`cifar100:${other}`), CIFAR100_CLASSES);
  }));

Deno.test("what is not there, or another data set, is refused by name", () =>
  inFolder(async (folder) => {
    const ten = join(folder, "10"),
      hundred = join(folder, "100"),
      cut = join(folder, "cut"),
      none = join(folder, "none");
    await writeCifar10(ten, [6], [6]);
    await writeFiles(hundred, FORMS["cifar-100-python"]);
    await writeCifar10(cut, [6], [6]);
    await Deno.writeFile(join(cut, "data_batch_3.bin"), records("data_batch_3", [[6]]).subarray(0, 3000));
    const cases: [root: string, name: string, message: RegExp][] = [
      [
        `cifar10:${ten}`,
        "frogs",
        /^Expected a class of cifar10:\S+: airplane, .*, truck; but found "frogs" \(did you mean frog\?\)$/,
      ],
      [`cifar10:${ten}`, "all of them", /truck; but found "all of them"$/],
      [`cifar10:${ten}`, "cat", /^Expected training images of cat in cifar10:\S+, but found none$/],
      [`cifar10:${hundred}`, "frog", /^Expected cifar10 in \S+100, but found cifar100$/],
      [`cifar100:${ten}`, "frog", /^Expected cifar100 in \S+10, but found cifar10$/],
      [`cifar10:${cut}`, "frog", /data_batch_3\.bin, but found 3000 bytes, .* \(is it cut off\?\)$/],
      [`cifar10:${none}`, "frog", /none/],
    ];
    for (const [root, name, message] of cases) {
      await rejects(openCategory(root, name), { name: "InputError", message });
    }
    await rejects(listCategories(`cifar10:${cut}`), { name: "InputError", message: /is it cut off/ });
    await rejects(listOutliers(`cifar100:${ten}`), { name: "InputError", message: /but found cifar10$/ });
    for (const path of ["train/frog/5", "test/frog/1"]) {
      await rejects(loadImage(files, `cifar10:${ten}/${path}`, 32), {
        name: "InputError",
        message: `Expected cifar10:${ten}/${path} to be an image of CIFAR, but found none of that path`,
      });
    }
  }));

Deno.test("a file that was cut off is read again once it is whole", () =>
  inFolder(async (folder) => {
    await writeCifar10(folder, [6], [6]);
    const file = join(folder, "test_batch.bin"), whole = await Deno.readFile(file);
    await Deno.writeFile(file, whole.subarray(0, 99));
    await rejects(listCategories(`cifar10:${folder}`), { name: "InputError" });
    await Deno.writeFile(file, whole);
    equal((await openCategory(`cifar10:${folder}`, "frog")).train.length, 5);
  }));
