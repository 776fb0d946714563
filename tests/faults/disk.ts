/**
 * Disks that take no more, or nothing at all: real ones, of memory (tmpfs), where this process may mount them.
 *
 * @module
 */
import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { environment } from "../commands/adtr.ts";
import { goesOn, run, type Scene, undisturbed } from "./scenes.ts";
import { requireTold } from "./told.ts";
import { requireWhole } from "./whole.ts";

/** A disk of memory in a folder; gone with its scope. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Mounts one of so many bytes; null where this process may not. */
  static async mount(path: string, bytes: number): Promise<SmallDisk | null> {
    if (Deno.build.os !== "linux") return null;
    await Deno.mkdir(path, { recursive: true });
    return await done("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path)
      ? new SmallDisk(path)
      : null;
  }

  /** Gives it another size, or lets it take nothing more. */
  async change(option: `size=${number}` | "ro"): Promise<void> {
    equal(await done("mount", "-o", `remount,${option}`, this.path), true, option);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await done("umount", this.path);
  }
}

async function done(command: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false; // there is no such command
  }
}

const PAGE = 4096, ROOM = 64 * 2 ** 20;

/**
 * Runs a scene on disks that are too small by more or less, then on the same ones made larger.
 *
 * @returns how many; null where no disk can be mounted
 */
export async function fillDisks(folder: string, scene: Scene, disks: number): Promise<number | null> {
  const whole = await undisturbed(folder, scene);
  const size = [...whole.files.values()].reduce(
    (sum, { length }) => sum + Math.ceil(length / PAGE) * PAGE,
    0,
  );
  for (let i = 0; i < disks; i++) {
    const name = `${scene.name}-disk-${i}`,
      bytes = Math.round((i + Math.random()) / disks * size / PAGE) * PAGE;
    await using disk = await SmallDisk.mount(join(folder, name), Math.max(bytes, PAGE));
    if (disk === null) return null;
    const out = `${name}/out`;
    requireTold(await run(folder, scene.begin(out)), /No space left on device/);
    await requireWhole(disk.path);
    await disk.change(`size=${ROOM}`);
    await goesOn(folder, out, whole);
  }
  return disks;
}

/**
 * Refuses, one at a time, so many of the things that a scene asks the disk for, from first to last.
 *
 * @param within what paths of these have in them
 * @returns how many
 */
export async function refuseSome(
  folder: string,
  { name }: Scene,
  points: number,
  within = "",
): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", join(import.meta.dirname!, "each_write.ts"), name, `${points}`, within],
    cwd: folder,
    env: environment(folder),
  }).output();
  const [told, failed] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  equal(success, true, failed);
  return Number(told);
}

/** Runs scenes in a folder that takes nothing, and with such a cache. @returns how many; null as before */
export async function readOnly(folder: string, scenes: readonly Scene[]): Promise<number | null> {
  await using disk = await SmallDisk.mount(join(folder, "read-only"), ROOM);
  if (disk === null) return null;
  await Deno.mkdir(join(disk.path, "empty"));
  await disk.change("ro");
  for (const scene of scenes) {
    for (const out of ["read-only/new", "read-only/empty"]) {
      requireTold(
        await run(folder, scene.begin(out)),
        /^error: Can't .*read-only.*: Read-only file system$/m,
      );
    }
    const out = `${scene.name}-cache`;
    const { code, stderr } = await run(folder, scene.begin(out), {}, { cache: disk.path });
    equal(code, 0, stderr);
    equal(stderr.match(/The feature cache/g)?.length, 1, stderr);
    match(
      stderr,
      /^The feature cache \S+read-only\S* can't be written, going on without: Read-only file system$/m,
    );
  }
  return 3 * scenes.length;
}
