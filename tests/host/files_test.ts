/**
 * Files and folders that appear whole or not at all, whoever else writes them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { serializeSafetensors } from "../../src/formats/safetensors.ts";
import { stored } from "../../src/formats/tensor_file.ts";
import { listCategories } from "../../src/host/dataset.ts";
import {
  isPartial,
  makeFolder,
  makeFolderForWork,
  moveFile,
  partialPath,
  removeAbandoned,
  removeUnfinished,
  syncIfThere,
  UnfinishedFile,
  writeFolder,
  writeWhole,
} from "../../src/host/files.ts";
import { listFolder, listImages } from "../../src/host/folder.ts";
import { syncFolder } from "../../src/host/sync.ts";
import { readSafetensors, writeSafetensors } from "../../src/host/tensor_files.ts";
import { picture, writeTree } from "../data/pictures.ts";
import { inFolder } from "../folder.ts";

const tensors = new Map([["a", stored(Float32Array.of(1, 2))], ["b", stored(Uint8Array.of(3))]]);

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

/** What `work` asks the system for that decides what a power failure leaves, in its order. */
async function asked(work: () => Promise<unknown>): Promise<string[]> {
  const calls: string[] = [], { sync } = Deno.FsFile.prototype, { rename } = Deno;
  Deno.FsFile.prototype.sync = async function () {
    calls.push((await this.stat()).isDirectory ? "sync folder" : "sync file");
    return sync.call(this);
  };
  Deno.rename = (from, to) => {
    calls.push(`rename to ${basename(`${to}`)}`);
    return rename(from, to);
  };
  try {
    await work();
  } finally {
    Deno.FsFile.prototype.sync = sync;
    Deno.rename = rename;
  }
  return calls;
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("two that write one file at once: the last to finish wins, and its file is whole", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a");
    await writeWhole(path, async (write) => {
      await write(text("first, "));
      await writeWhole(path, (write) => write(text("second")));
      assert.equal(await Deno.readTextFile(path), "second");
      await write(text("and last"));
    });
    assert.equal(await Deno.readTextFile(path), "first, and last");
    assert.deepEqual(namesIn(folder), ["a"]);
  }));

Deno.test("two that write one folder at once do not mix", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a");
    await writeFolder(path, "any", async (partial) => {
      await Deno.writeTextFile(join(partial, "1"), "");
      await writeFolder(path, "any", (partial) => Deno.writeTextFile(join(partial, "2"), ""));
      assert.deepEqual(namesIn(path), ["2"]);
    });
    assert.deepEqual(namesIn(path), ["1"]);
    await assert.rejects(writeFolder(path, "empty", () => Promise.resolve()), {
      name: "InputError",
      message: /Can't replace .*a: Directory not empty/,
    });
    assert.deepEqual([namesIn(path), namesIn(folder)], [["1"], ["a"]]);
  }));

Deno.test("what a killed program left has a name that tells, and is in no listing", () =>
  inFolder(async (root) => {
    await writeTree(root, ["a/train/good/0.png"]);
    const left = partialPath(join(root, "a/train/good/1.png")), folder = partialPath(join(root, "b"));
    await Deno.writeFile(left, picture("left"));
    await Deno.mkdir(join(folder, "train/good"), { recursive: true });
    await Deno.writeFile(join(folder, "train/good/0.png"), picture("left"));
    assert.deepEqual([isPartial(left), isPartial(folder), isPartial("a.partial")], [true, true, false]);
    assert.deepEqual(await listCategories(root), ["a"]);
    assert.equal((await listImages([root])).length, 1);
    assert.deepEqual(await listFolder(join(root, "a/train/good")), {
      folders: [],
      images: ["0.png"],
      others: [],
      hidden: [basename(left)],
    });
  }));

Deno.test("an unfinished file can be read, and goes with its scope", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a");
    {
      await using file = await UnfinishedFile.begin(path);
      await file.write(text("0123456789"));
      assert.deepEqual(await file.read(3, 4), text("3456"));
      await file.write(text("abc"));
      assert.deepEqual(await file.read(8, 5), text("89abc"));
      await assert.rejects(file.read(8, 6), RangeError);
    }
    assert.deepEqual(namesIn(folder), []);
    {
      await using file = await UnfinishedFile.begin(path);
      await file.write(text("kept"));
      await file.finish();
    }
    assert.equal(await Deno.readTextFile(path), "kept");
    assert.deepEqual(namesIn(folder), ["a"]);
  }));

Deno.test({
  name: "a file is on the disk before it takes its place, and its name before the next thing is done",
  ignore: Deno.build.os === "windows", // where folders can't be synced
  fn: () =>
    inFolder(async (folder) => {
      const path = join(folder, "a"),
        write = (before?: string) => () => writeWhole(path, (write) => write(text("content")), before);
      assert.deepEqual(await asked(write()), ["sync file", "rename to a", "sync folder"]);
      assert.deepEqual(await asked(() => moveFile(path, join(folder, "b"))), ["rename to b", "sync folder"]);
      const filled = await asked(() =>
        writeFolder(join(folder, "c"), "empty", (c) => Deno.mkdir(join(c, "d")))
      );
      assert.deepEqual(filled, ["sync folder", "rename to c", "sync folder"]);
      assert.deepEqual(await asked(() => makeFolder(join(folder, "e/f"))), ["sync folder", "sync folder"]);
      assert.deepEqual(await asked(() => syncIfThere(join(folder, "b"))), ["sync file"]);
      await syncIfThere(join(folder, "none"));
      if (Deno.build.os === "linux") await syncFolder("/proc/self"); // whose names are on no disk
    }),
});

Deno.test("what a file takes the place of can be kept", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a"), before = join(folder, "before");
    for (const content of ["1", "2", "3"]) await writeWhole(path, (write) => write(text(content)), before);
    assert.deepEqual([await Deno.readTextFile(path), await Deno.readTextFile(before)], ["3", "2"]);
    await Deno.remove(path);
    await writeWhole(path, (write) => write(text("4")), before);
    assert.deepEqual([await Deno.readTextFile(path), await Deno.readTextFile(before)], ["4", "2"]);
    await assert.rejects(writeWhole(path, () => Promise.reject(new Error("no content")), before));
    assert.deepEqual([await Deno.readTextFile(path), await Deno.readTextFile(before)], ["4", "2"]);
    assert.deepEqual(namesIn(folder), ["a", "before"]);
  }));

Deno.test("makeFolder says which folders it has made, the deepest first", () =>
  inFolder(async (folder) => {
    const [a, b] = [join(folder, "a"), join(folder, "a/b")];
    assert.deepEqual(await makeFolder(b), [b, a]);
    assert.deepEqual(await makeFolder(b), []);
    {
      using _folder = await makeFolderForWork(join(b, "c/d"));
      assert.deepEqual(namesIn(b), ["c"]);
      await Deno.writeTextFile(join(b, "file"), "");
    }
    assert.deepEqual(namesIn(b), ["file"]);
    await assert.rejects(makeFolder(join(b, "file/c")), {
      message: /Can't make the folder .*: Not a directory$/,
    });
  }));

Deno.test("a file is written whole or not at all", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/a.safetensors`;
    await writeSafetensors(path, tensors, { key: "value" });
    assert.deepEqual(await Deno.readFile(path), serializeSafetensors(tensors, { key: "value" }));
    assert.deepEqual([...(await readSafetensors(path)).tensors], [...tensors]);
    const refused = (path: string, message: RegExp) =>
      assert.rejects(() => writeSafetensors(path, tensors), { name: "InputError", message });
    await refused(`${folder}/missing/a`, /Can't write .*\/missing\/a: No such file or directory$/);
    await refused(`${path}/a`, /Can't write .*\/a.safetensors\/a: Not a directory$/);
    await Deno.mkdir(`${folder}/full`);
    await refused(`${folder}/full`, /Can't write .*\/full: Is a directory$/);
    const missing = { name: "InputError", message: /Can't read .*\/b: No such file or directory$/ };
    await assert.rejects(() => readSafetensors(`${folder}/b`), missing);
    await assert.rejects(() => readSafetensors(folder), { name: "InputError", message: /Is a directory$/ });
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["a.safetensors", "full"]);
  });
});

Deno.test({
  name: "a disk that takes no more is an error that names the file",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await inFolder(async (folder) => {
      // A program that may write 64 KiB to a file, and is told so instead of killed.
      const files = new URL("../../src/host/files.ts", import.meta.url).href;
      const code = `import { writeWhole } from "${files}";
        const error = await writeWhole("${folder}/a", (write) => write(new Uint8Array(1e6))).catch((e) => e);
        console.log(error.name, error.message)`;
      const { stdout } = await new Deno.Command("sh", {
        args: ["-c", `trap '' XFSZ; ulimit -f 128; exec "$0" eval "$1"`, Deno.execPath(), code],
      }).output();
      assert.match(new TextDecoder().decode(stdout), /^InputError Can't write .*\/a: File too large\n$/);
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    });
  },
});

Deno.test("what a killed program left unfinished is removed, and nothing else", () =>
  inFolder(async (folder) => {
    await removeUnfinished(join(folder, "none"));
    await Deno.writeTextFile(partialPath(join(folder, "a")), "");
    await Deno.mkdir(join(partialPath(join(folder, "b")), "c"), { recursive: true });
    await Deno.writeTextFile(join(folder, "a.partial"), "");
    await removeUnfinished(folder);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name), ["a.partial"]);
  }));

Deno.test({
  name: "what a killed program left of a file or folder goes before it is written again, and nothing else",
  ignore: Deno.build.os === "windows", // where a folder can't be locked
  fn: () =>
    inFolder(async (folder) => {
      const [file, made] = [join(folder, "a"), join(folder, "c")];
      await Deno.writeTextFile(partialPath(file), "left");
      await Deno.mkdir(join(partialPath(made), "d"), { recursive: true });
      const others = ["a.1.partial", "ab", basename(partialPath(join(folder, "ab")))];
      for (const name of others) await Deno.writeTextFile(join(folder, name), "");
      {
        await using own = await UnfinishedFile.begin(file);
        await removeAbandoned(file);
        await own.finish(); // what is being written has stayed
      }
      await writeFolder(made, "empty", () => removeAbandoned(made));
      assert.deepEqual(namesIn(folder), ["a", "c", ...others].sort());
      await removeAbandoned(join(folder, "none/a"));
    }),
});
