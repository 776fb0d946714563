/**
 * CIFAR-10 and CIFAR-100 in all four forms, unpacked and not, as Python 2 and 3 pickle them; and what is refused.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { dirname, join } from "node:path";
import { openCifar } from "../../src/host/cifar_files.ts";
import { readNumpyPickle } from "../../src/formats/numpy_pickle.ts";
import { inFolder } from "../folder.ts";
import {
  CIFAR100_CLASSES,
  CIFAR10_CLASSES,
  concatenated,
  FORMS,
  gzip,
  latin1,
  pickledArray,
  pickledBatch,
  pickledDict,
  pickledList,
  planes,
  records,
  tar,
} from "./cifar_files.ts";

async function write(folder: string, files: Record<string, Uint8Array>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(folder, name)), { recursive: true });
    await Deno.writeFile(join(folder, name), bytes);
  }
}

const inside = (folder: string, files: Record<string, Uint8Array<ArrayBuffer>>) =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${folder}/${name}`, bytes]));

/** [n, 3, 32, 32] to [n, 32, 32, 3]. */
function interleaved(planes: Uint8Array): Uint8Array {
  return planes.map((_, i) =>
    planes[Math.floor(i / 3072) * 3072 + (i % 3) * 1024 + Math.floor(i % 3072 / 3)]
  );
}

/** What every form has to come out as. */
const WANTED = {
  cifar10: {
    name: "cifar10",
    classes: CIFAR10_CLASSES,
    train: {
      images: interleaved(concatenated([1, 2, 3, 4, 5].map((i) => planes(`data_batch_${i}`, 2)))),
      labels: Uint8Array.of(0, 9, 1, 9, 2, 9, 3, 9, 4, 9),
    },
    test: { images: interleaved(planes("test_batch", 3)), labels: Uint8Array.of(1, 2, 3) },
  },
  cifar100: {
    name: "cifar100",
    classes: CIFAR100_CLASSES,
    train: { images: interleaved(planes("train", 2)), labels: Uint8Array.of(99, 5) },
    test: { images: interleaved(planes("test", 1)), labels: Uint8Array.of(20) },
  },
};

for (const [folder, files] of Object.entries(FORMS)) {
  const wanted = folder.includes("100") ? WANTED.cifar100 : WANTED.cifar10;
  Deno.test(`${folder}: its folder, the folder around it, the .tar.gz and the .tar`, () =>
    inFolder(async (root) => {
      const archive = tar({ "./._x": latin1("mac"), ...inside(folder, files) });
      await write(root, {
        ...inside(`around/${folder}`, files),
        "around/a.tar.gz": await gzip(archive),
        "around/a.tar": archive,
      });
      for (const path of [`around/${folder}`, "around", "around/a.tar.gz", "around/a.tar"]) {
        deepEqual(await openCifar(join(root, path)), wanted, path);
      }
    }));
}

const stored = (name: string) => Deno.readFile(new URL(`../golden/cifar_${name}.pkl`, import.meta.url));

Deno.test("pickles as Python 3 writes them, with arrays of either order and keys of bytes", () =>
  inFolder(async (root) => {
    const batch = await stored("batch"), files = FORMS["cifar-10-batches-py"];
    for (const name of ["batch", "fortran", "bytes"]) {
      await write(root, { ...files, data_batch_2: await stored(name), "batches.meta": await stored("meta") });
      const { train, classes } = await openCifar(root);
      deepEqual(classes, CIFAR10_CLASSES);
      deepEqual([...train.labels], [0, 9, 6, 9, 0, 2, 9, 3, 9, 4, 9]);
      deepEqual(train.images.subarray(2 * 3072, 5 * 3072), interleaved(planes("batch", 3)), name);
    }
    equal(batch[1], 2);
  }));

Deno.test("CIFAR-100 as Python 3 pickles it", () =>
  inFolder(async (root) => {
    for (const name of ["fine", "fine4", "fine5"]) {
      await write(root, { ...FORMS["cifar-100-python"], train: await stored(name) });
      const { train } = await openCifar(root);
      deepEqual([...train.labels], [99, 0]);
      deepEqual(train.images, interleaved(planes("fine", 2)), name);
    }
  }));

/** Files put over a form's, null for one that is taken away; and what the error says. */
type Refused = [what: string, form: string, files: Record<string, Uint8Array | null>, message: RegExp];

const data = (rows: number, columns = 3072) =>
  pickledArray(rows, columns, planes("x", rows).subarray(0, rows * columns));
const REFUSED: Refused[] = [
  [
    "a cut-off record",
    "cifar-10-batches-bin",
    { "data_batch_3.bin": records("x", [[1], [2]]).slice(0, -1) },
    /data_batch_3\.bin, but found 6145 bytes, which is no whole number of 3073/,
  ],
  [
    "an empty file",
    "cifar-100-binary",
    { "test.bin": new Uint8Array(0) },
    /test\.bin, but found an empty file/,
  ],
  [
    "a label beyond the classes",
    "cifar-10-batches-bin",
    { "test_batch.bin": records("x", [[9], [10]]) },
    /test_batch\.bin, but found label 10 of image 1, where labels are 0 to 9/,
  ],
  ["CIFAR-100 under CIFAR-10's name", "cifar-10-batches-bin", {
    "data_batch_1.bin": FORMS["cifar-100-binary"]["train.bin"],
  }, /data_batch_1\.bin, but found 6148 bytes/],
  [
    "a label of CIFAR-100",
    "cifar-100-python",
    { train: pickledBatch("x", [5, 100], "fine_labels") },
    /train, but found label 100 of image 1/,
  ],
  [
    "a missing batch",
    "cifar-10-batches-bin",
    { "data_batch_4.bin": null },
    /Expected data_batch_4\.bin in .*, but found none/,
  ],
  ["a missing test", "cifar-100-python", { test: null }, /Expected test in .*, but found none/],
  ["no names", "cifar-10-batches-py", { "batches.meta": null }, /Expected batches\.meta in/],
  [
    "too few names",
    "cifar-10-batches-bin",
    { "batches.meta.txt": latin1("cat\ndog\n") },
    /names of 10 classes in .*batches\.meta\.txt, but found 2/,
  ],
  ["names that are numbers", "cifar-10-batches-py", {
    "batches.meta": pickledDict({ label_names: pickledList([1]) }),
  }, /a name that is no text/],
  [
    "no list of names",
    "cifar-10-batches-py",
    { "batches.meta": pickledDict({ label_names: "K\x05" }) },
    /no list of label_names/,
  ],
  [
    "a cut-off pickle",
    "cifar-10-batches-py",
    { data_batch_2: pickledBatch("x", [1]).slice(0, 2000) },
    /data_batch_2, but found a pickle that is cut off/,
  ],
  [
    "something else",
    "cifar-10-batches-py",
    { data_batch_2: latin1("hello") },
    /data_batch_2, but found a damaged pickle/,
  ],
  ["no dict", "cifar-10-batches-py", { data_batch_2: latin1("\x80\x02].") }, /a pickle that is no dict/],
  ["labels missing", "cifar-100-python", { train: pickledBatch("x", [1]) }, /no list of fine_labels/],
  ["labels that are text", "cifar-10-batches-py", {
    test_batch: pickledDict({ data: data(1), labels: pickledList(["a"]) }),
  }, /found labels that are no numbers/],
  ["too few labels", "cifar-10-batches-py", {
    test_batch: pickledDict({ data: data(2), labels: pickledList([1]) }),
  }, /1 labels for 2 images/],
  ["small images", "cifar-10-batches-py", {
    test_batch: pickledDict({ data: data(2, 768), labels: pickledList([1]) }),
  }, /images of the shape \[2,768\]/],
  ["no images", "cifar-10-batches-py", {
    test_batch: pickledDict({ data: data(0), labels: pickledList([]) }),
  }, /test_batch, but found none/],
  ["images that are none", "cifar-10-batches-py", {
    test_batch: pickledDict({ data: "K\x01", labels: pickledList([1]) }),
  }, /no array of images under data/],
  ["fewer bytes than the shape", "cifar-10-batches-py", {
    test_batch: pickledDict({ data: pickledArray(2, 3072, planes("x", 1)), labels: pickledList([1]) }),
  }, /bytes don't fit its shape/],
  ["floats", "cifar-10-batches-py", {
    test_batch: pickledDict({ data: data(1).replace("u1", "f4"), labels: pickledList([1]) }),
  }, /an array that is not of uint8/],
  [
    "code",
    "cifar-10-batches-py",
    { test_batch: latin1("\x80\x02cos\nsystem\nU\x02ls\x85R.") },
    /asks for "os\.system": nothing in it is executed/,
  ],
  [
    "a call of text",
    "cifar-10-batches-py",
    { test_batch: latin1("\x80\x02U\x02ls)R.") },
    /a call of something that is no function/,
  ],
  [
    "an array by its class",
    "cifar-10-batches-py",
    { test_batch: latin1("\x80\x02cnumpy\nndarray\n)R.") },
    /an array made in an unknown way/,
  ],
  ["another codec", "cifar-10-batches-py", {
    test_batch: latin1("\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x03\0\0\0hex\x86R."),
  }, /an unknown encoding/],
  ["a state for a dict", "cifar-10-batches-py", { test_batch: latin1("\x80\x02}Nb.") }, /no NumPy array/],
  ["a reference", "cifar-10-batches-py", { test_batch: latin1("\x80\x02NQ.") }, /outside of the pickle/],
  [
    "two forms at once",
    "cifar-10-batches-py",
    { "train.bin": new Uint8Array(1) },
    /one form of CIFAR in .* found several: .*train\.bin, .*data_batch_1/,
  ],
];

for (const [what, form, files, message] of REFUSED) {
  Deno.test(`refused: ${what} (${form})`, () =>
    inFolder(async (root) => {
      const kept = Object.entries({ ...FORMS[form], ...files }).filter(([, bytes]) => bytes !== null);
      await write(root, Object.fromEntries(kept) as Record<string, Uint8Array>);
      await rejects(openCifar(root), { name: "InputError", message });
    }));
}

Deno.test("archives that are cut off, damaged or something else are refused by name", () =>
  inFolder(async (root) => {
    const form = "cifar-100-binary", archive = tar(inside(form, FORMS[form])), packed = await gzip(archive);
    const damaged = archive.slice(), path = join(root, "cifar.tar.gz");
    damaged[3] ^= 1;
    const flipped = packed.slice();
    flipped[flipped.length >> 1] ^= 0x55;
    const cases: [Uint8Array<ArrayBuffer>, RegExp][] = [
      [
        packed.slice(0, -20),
        /cifar\.tar\.gz to be a folder or a \.tar\.gz of CIFAR, but found a gzip file that is cut off/,
      ],
      [flipped, /a gzip file that is cut off or damaged|no tar archive, or a damaged one/],
      [archive.slice(0, 4000), /a tar archive that is cut off/],
      [archive.slice(0, 700), /a tar archive that is cut off/],
      [damaged, /no tar archive, or a damaged one/],
      [latin1("hello"), /no tar archive/],
      [await gzip(latin1("hello")), /no tar archive/],
      [
        await gzip(tar({ "x/y.txt": latin1("hello") })),
        /one of data_batch_1\.bin, train\.bin.*but found none of them/,
      ],
      [await gzip(tar(inside(form, FORMS[form]), "5")), /but found none of them/],
      [new Uint8Array(0), /but found none of them/],
    ];
    for (const [bytes, message] of cases) {
      await Deno.writeFile(path, bytes);
      await rejects(openCifar(path), { name: "InputError", message });
    }
    await rejects(openCifar(join(root, "none")), { name: "InputError", message: /Can't read .*none/ });
    await rejects(openCifar(root), { name: "InputError", message: /but found none of them/ });
    const missing = { ...FORMS[form] };
    delete missing["test.bin"];
    await Deno.writeFile(path, tar(inside(form, missing)));
    await rejects(openCifar(path), {
      name: "InputError",
      message: /Expected test\.bin in .*cifar\.tar\.gz.cifar-100-binary/,
    });
  }));

Deno.test("a damaged pickle is refused or read, and nothing else", async () => {
  const whole = await stored("batch");
  let refused = 0;
  for (let i = 0; i < whole.length; i += i < 600 ? 1 : 97) {
    const bytes = whole.slice();
    bytes[i] ^= 1 << i % 8;
    try {
      readNumpyPickle(bytes, (found) => {
        throw new EvalError(found);
      });
    } catch (error) {
      equal((error as Error).name, "EvalError", String(error));
      refused++;
    }
  }
  equal(refused > 100, true);
});
