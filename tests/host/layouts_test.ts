/**
 * Data sets that are laid out otherwise than MVTec-AD: VisA, BTAD, MVTec LOCO.
 *
 * @module
 */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { checkDataset } from "../../src/host/check_dataset.ts";
import { listCategories, openCategory, scanCategory } from "../../src/host/dataset.ts";
import { encodeGreyPng } from "../../src/data/image.ts";
import { loadMask } from "../../src/data/load.ts";
import { files } from "../../src/host/image_files.ts";
import { inFolder } from "../folder.ts";
import { found } from "./found.ts";
import { picture, writeTree } from "../data/pictures.ts";

Deno.test("BTAD: ok and ko", () =>
  inFolder(async (root) => {
    await writeTree(root, [
      "01/train/ok/0001.png",
      "01/train/ok/0000.png",
      "01/test/ok/0000.png",
      "01/test/ko/0000.png",
      "01/test/ko/0001.png",
      "01/ground_truth/ko/0000.bmp",
      "01/ground_truth/ok/0000.png",
      "02/train/ok/0000.png",
    ]);
    deepEqual(await listCategories(root), ["01", "02"]);
    deepEqual(await found(root, "01"), {
      train: ["01/train/ok/0000.png", "01/train/ok/0001.png"],
      anomalous: [],
      test: [
        ["01/test/ok/0000.png", null, 0, "good"],
        ["01/test/ko/0000.png", "01/ground_truth/ko/0000.bmp", 1, "ko"],
        ["01/test/ko/0001.png", null, 1, "ko"],
      ],
    });
  }));

Deno.test("beside a folder good, a folder ok is a defect like any other", () =>
  inFolder(async (root) => {
    await writeTree(root, ["x/train/good/0.png", "x/test/good/0.png", "x/test/ok/0.png"]);
    const { test } = await openCategory(root, "x");
    deepEqual(test.map(({ label, defect }) => [label, defect]), [[0, "good"], [1, "ok"]]);
  }));

/** A mask of 12×10 pixels with one of them on. */
const pixel = (at: number) =>
  encodeGreyPng({
    width: 12,
    height: 10,
    data: Uint8Array.from({ length: 120 }, (_, i) => i === at ? 200 : 0),
  });

Deno.test("MVTec LOCO: several masks of an image are united", () =>
  inFolder(async (root) => {
    const masks = "box/ground_truth/logical_anomalies/000";
    await writeTree(root, [
      "box/train/good/000.png",
      "box/validation/good/000.png",
      "box/test/good/000.png",
      "box/test/logical_anomalies/000.png",
      "box/test/structural_anomalies/000.png",
      `${masks}/000.png`,
      `${masks}/001.png`,
      "box/ground_truth/structural_anomalies/000/000.png",
    ]);
    deepEqual(await listCategories(root), ["box"]);
    deepEqual(await found(root, "box"), {
      train: ["box/train/good/000.png"],
      anomalous: [],
      test: [
        ["box/test/good/000.png", null, 0, "good"],
        ["box/test/logical_anomalies/000.png", masks, 1, "logical_anomalies"],
        [
          "box/test/structural_anomalies/000.png",
          "box/ground_truth/structural_anomalies/000",
          1,
          "structural_anomalies",
        ],
      ],
    });
    await Deno.writeFile(join(root, masks, "000.png"), pixel(3));
    await Deno.writeFile(join(root, masks, "001.png"), pixel(50));
    const { test: [, logical] } = await openCategory(root, "box");
    // Pixel 3 lies in column 3, pixel 50 in column 2.
    const mask = await loadMask(files, logical.mask, logical.path, 24);
    deepEqual([...new Set([...mask.keys()].filter((i) => mask[i]).map((i) => Math.floor(i % 24 / 2)))], [
      3,
      2,
    ]);
    const [{ errors, warnings }] = await checkDataset(root);
    deepEqual(errors, []);
    match(warnings[0], /000\.png is the only training image/);
    match(warnings[1], /validation.good has 1 images that training leaves aside, as .*000\.png/);
    equal(warnings.length, 2);

    await Deno.writeFile(join(root, masks, "002.png"), picture("mask", 12, 11));
    await rejects(loadMask(files, logical.mask, logical.path, 24), {
      name: "InputError",
      message: /000.002\.png to be 12×10 pixels as its image is, but found 12×11/,
    });
    equal((await checkDataset(root))[0].errors.length, 1);
    for (const name of ["000", "001", "002"]) await Deno.remove(join(root, masks, `${name}.png`));
    await rejects(loadMask(files, logical.mask, logical.path, 24), {
      name: "InputError",
      message: /Expected masks in .*000, but found none/,
    });
    await writeTree(root, ["box/ground_truth/logical_anomalies/009/000.png"]);
    await rejects(openCategory(root, "box"), {
      message: /Expected an image for the mask .*009, but found none/,
    });
  }));

const HEAD = "object,split,label,image,mask\n";

async function writeTable(root: string, text: string): Promise<void> {
  await Deno.mkdir(join(root, "split_csv"), { recursive: true });
  await Deno.writeTextFile(join(root, "split_csv", "1cls.csv"), text);
}

Deno.test("VisA: what its table says", () =>
  inFolder(async (root) => {
    const images = (name: string, folder: string) => `${name}/Data/Images/${folder}`;
    const normal = images("candle", "Normal"), anomaly = images("candle", "Anomaly");
    await writeTree(root, [
      ...["0001.JPG", "0000.JPG", "0002.JPG"].map((name) => `${normal}/${name}`),
      ...["000.JPG", "001.JPG", "002.JPG"].map((name) => `${anomaly}/${name}`),
      "candle/Data/Masks/Anomaly/000.png",
      "candle/Data/Masks/Anomaly/002.png",
      "pcb1/Data/Images/Normal/0.JPG",
      "split_csv/2cls_fewshot.db",
    ]);
    const masks = "candle/Data/Masks/Anomaly";
    const lines = [
      `candle,train,normal,${normal}/0001.JPG,`,
      `pcb1,train,normal,pcb1/Data/Images/Normal/0.JPG,`,
      `candle,test,anomaly,${anomaly}/001.JPG,`,
      `candle,test,anomaly,${anomaly}/000.JPG,${masks}/000.png`,
      `candle,train,normal,${normal}/0000.JPG,`,
      `candle,test,normal,${normal}/0002.JPG,`,
      `candle,train,anomaly,${anomaly}/002.JPG,${masks}/002.png`,
    ];
    const wanted = {
      train: [`${normal}/0000.JPG`, `${normal}/0001.JPG`],
      anomalous: [[`${anomaly}/002.JPG`, `${masks}/002.png`]],
      test: [
        [`${normal}/0002.JPG`, null, 0, "good"],
        [`${anomaly}/000.JPG`, `${masks}/000.png`, 1, "anomaly"],
        [`${anomaly}/001.JPG`, null, 1, "anomaly"],
      ],
    };
    for (const text of [HEAD + lines.join("\n") + "\n", (HEAD + lines.join("\n")).replaceAll("\n", "\r\n")]) {
      await writeTable(root, text);
      deepEqual(await listCategories(root), ["candle", "pcb1"]);
      deepEqual(await found(root, "candle"), wanted);
    }
    const [{ errors }, pcb] = await checkDataset(root);
    const missing = `Expected a mask for ${
      join(root, anomaly, "001.JPG")
    }, as other anomalous test images have one`;
    deepEqual([errors, pcb.errors], [[missing], []]);
    await rejects(openCategory(root, "candel"), /candle, pcb1; but found "candel" \(did you mean candle\?\)/);
  }));

Deno.test("VisA: a table that is damaged, and files that it names and that are not there", () =>
  inFolder(async (root) => {
    const refuse = async (text: string, message: RegExp): Promise<void> => {
      await writeTable(root, text);
      await rejects(listCategories(root), { name: "InputError", message });
    };
    await refuse(
      "object,split,image\n",
      /Expected columns object,split,label,image,mask in .*1cls\.csv, but found object/,
    );
    await refuse("", /Expected columns/);
    await refuse(HEAD, /Expected images in .*1cls\.csv, but found none/);
    await refuse(
      `${HEAD}a,train,normal,x.png\n`,
      /in line 2 of .*1cls\.csv, but found a,train,normal,x\.png/,
    );
    await refuse(`${HEAD}a,train,normal,x.png,\na,val,normal,x.png,\n`, /line 3 .*found a,val/);
    await refuse(`${HEAD}a,train,good,x.png,\n`, /normal or anomaly/);
    await refuse(`${HEAD}${"a".repeat(10_000)}`, /found a{80}… \(10000 characters\)$/);
    await refuse("b".repeat(10_000), /found b{80}… \(10000 characters\)$/);
    await writeTable(root, `${HEAD}a,test,normal,x.png,\na,test,anomaly,y.png,z.png\n`);
    await writeTree(root, ["x.png"]);
    const { errors } = await scanCategory(root, "a");
    equal(errors.length, 3);
    await rejects(
      openCategory(root, "a"),
      /Expected .*y\.png, as line 3 of .*1cls\.csv says, but found none/,
    );
  }));
