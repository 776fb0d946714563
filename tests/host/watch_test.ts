/**
 * Images that appear in watched folders: each is told once, when it is complete.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { FolderWatch, type WatchOptions } from "../../src/host/watch.ts";
import { inFolder } from "../folder.ts";

const NEVER = new AbortController().signal;

/** A watch that looks all the time. */
function watching(folders: string[], told: string[] = [], options: WatchOptions = {}): FolderWatch {
  return new FolderWatch(folders, told, { interval: 1, ...options });
}

/** Writes files with their names' last parts as content. @param at their time, seconds */
async function write(folder: string, names: string[], at: number): Promise<void> {
  for (const name of names) {
    const path = join(folder, name);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, name);
    await Deno.utime(path, at, at);
  }
}

Deno.test("what is there and what appears is told, oldest first, at any depth, and nothing else", () =>
  inFolder(async (folder) => {
    const [a, b] = ["a", "b"].map((name) => join(folder, name));
    await write(a, [
      "2.png",
      "sub/1.JPG",
      ".hidden.png",
      "notes.txt",
      "3.png.12.0123abcd.partial",
      "out/own.png",
    ], 100);
    await write(b, ["4.tif"], 50);
    await Deno.symlink(a, join(a, "sub/round"));
    await Deno.symlink(join(folder, "nowhere"), join(a, "dangling.png"));
    await Deno.symlink(join(a, "2.png"), join(a, "link.png"));
    const watch = watching([a, b], [join(a, "link.png")], { except: join(a, "out") });
    deepEqual(await watch.next(NEVER), [join(b, "4.tif"), join(a, "2.png"), join(a, "sub/1.JPG")]);
    await write(a, ["new.tmp", "2.png"], 200); // a name is told once
    await Deno.rename(join(a, "new.tmp"), join(a, "new.png"));
    deepEqual(await watch.next(NEVER), [join(a, "new.png")]);
  }));

Deno.test("a file that grows is waited for", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.png"), watch = watching([folder], [], { interval: 200 });
    await Deno.writeTextFile(path, "");
    const found = watch.next(NEVER);
    let size = 0, isGrowing = true;
    const growing = (async () => {
      for (; size < 30; size++) {
        await Deno.writeTextFile(path, "x", { append: true });
        await new Promise((done) => setTimeout(done, 10));
      }
      isGrowing = false;
    })();
    deepEqual(await found, [path]);
    equal(isGrowing, false);
    await growing;
  }));

Deno.test("what can't be read is told again until it has not changed for long enough; an empty file is one", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.png");
    await write(folder, ["a.png"], 100);
    const patient = watching([folder], [], { settle: 1e9 });
    for (let i = 0; i < 3; i++) {
      deepEqual(await patient.next(NEVER), [path]);
      equal(patient.again(path), true);
    }
    await Deno.writeTextFile(join(folder, "empty.png"), "");
    const hasty = watching([folder], [], { settle: 0 });
    deepEqual((await hasty.next(NEVER)).sort(), [path, join(folder, "empty.png")]);
    equal(hasty.again(path), false);
    await write(folder, ["b.png"], 100);
    deepEqual(await hasty.next(NEVER), [join(folder, "b.png")]);
  }));

Deno.test("a folder that is gone is told once and watched on; a signal ends the wait", () =>
  inFolder(async (folder) => {
    const inside = join(folder, "in"), warnings: string[] = [];
    const watch = watching([inside], [], { onWarning: (message) => void warnings.push(message) });
    const found = watch.next(NEVER);
    await new Promise((done) => setTimeout(done, 20));
    await write(inside, ["a.png"], 100);
    deepEqual(await found, [join(inside, "a.png")]);
    deepEqual(warnings.map((message) => message.split(":")[0]), [`can't look into ${inside}`.split(":")[0]]);
    const stop = new AbortController(), none = watch.next(stop.signal);
    stop.abort();
    deepEqual(await none, []);
    deepEqual(await watch.next(stop.signal), []);
  }));
