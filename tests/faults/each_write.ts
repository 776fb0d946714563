/**
 * Things that a scene asks the disk for, refused one at a time, as a full disk does, with half of what was to be written:
 * `each_write.ts SCENE POINTS [WITHIN]` in the scene's folder, in one process on one GPU device, so that they may be hundreds, up
 * to all. With WITHIN only those count whose paths contain it. Prints how many there were.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { main } from "../../src/commands/main.ts";
import { compare, type Ended, sameFiles, sceneNamed } from "./scenes.ts";
import { requireTold } from "./told.ts";
import { requireWhole } from "./whole.ts";

const [name, wanted, within = ""] = Deno.args;
let refused = Infinity, asked = 0, at: string | null = null;

/** Whether it is this that is refused. */
function isRefused(path: string | URL): boolean {
  if (!`${path}`.includes(within) || ++asked !== refused) return false;
  at = `${path}`;
  return true;
}

function full(): never {
  throw new Error("No space left on device (os error 28)");
}

function refuseOne(): void {
  const { open, rename, mkdir, writeFile, writeTextFile } = Deno, paths = new WeakMap<Deno.FsFile, string>();
  const { write, sync, truncate } = Deno.FsFile.prototype;
  Deno.open = async (path, options) => {
    if (options?.write && isRefused(path)) full();
    const file = await open(path, options);
    paths.set(file, `${path}`);
    return file;
  };
  Deno.rename = async (from, to) => isRefused(to) ? full() : await rename(from, to);
  Deno.mkdir = async (path, options) => isRefused(path) ? full() : await mkdir(path, options);
  Deno.writeFile = async (path, data, options) => {
    if (!isRefused(path)) return await writeFile(path, data, options);
    await writeFile(path, (data as Uint8Array).subarray(0, (data as Uint8Array).length / 2), options);
    full();
  };
  Deno.writeTextFile = async (path, data, options) => {
    if (!isRefused(path)) return await writeTextFile(path, data, options);
    await writeTextFile(path, (data as string).slice(0, (data as string).length / 2), options);
    full();
  };
  Deno.FsFile.prototype.write = async function (bytes) {
    if (!isRefused(paths.get(this)!)) return await write.call(this, bytes);
    await write.call(this, bytes.subarray(0, bytes.length / 2));
    full();
  };
  Deno.FsFile.prototype.sync = async function () {
    return isRefused(paths.get(this)!) ? full() : await sync.call(this);
  };
  Deno.FsFile.prototype.truncate = async function (length) {
    return isRefused(paths.get(this)!) ? full() : await truncate.call(this, length);
  };
}

/** Every opening of the GPU gives one device, of which its end destroys the buffers alone. */
function shareDevice(): void {
  const { requestDevice } = GPUAdapter.prototype, { createBuffer } = GPUDevice.prototype;
  const buffers: GPUBuffer[] = [];
  let device: Promise<GPUDevice> | undefined;
  GPUAdapter.prototype.requestDevice = function (descriptor) {
    return device ??= requestDevice.call(this, descriptor);
  };
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    buffers.push(buffer);
    return buffer;
  };
  GPUDevice.prototype.destroy = () => {
    for (const buffer of buffers.splice(0)) buffer.destroy();
  };
}

/** Runs the program in this process. */
async function run(args: readonly string[]): Promise<Pick<Ended, "code" | "stderr">> {
  const { log, error } = console, said: string[] = [];
  console.log = () => {};
  console.error = (text: unknown) => said.push(`${text}\n`);
  try {
    return { code: await main(args), stderr: said.join("") };
  } finally {
    Object.assign(console, { log, error });
  }
}

const now = performance.now.bind(performance);
performance.now = () => 1000 * now(); // as in child.ts: a checkpoint a step
const scene = sceneNamed(name), cache = Deno.env.get("XDG_CACHE_HOME")!;
shareDevice();
refuseOne();
// Other scenes leave theirs in the same folder.
const undisturbed = `${name}-unrefused`, out = `${name}-refused`;
const whole = await run(scene.begin(undisturbed));
equal(whole.code, 0, whole.stderr);
const files = await sameFiles(undisturbed, scene), all = asked;
const points = Math.min(Number(wanted), all);
for (let i = 0; i < points; i++) {
  [refused, asked, at] = [1 + Math.floor((i + Math.random()) * all / points), 0, null];
  const where = `request ${refused} of ${all}`, ended = await run(scene.begin(out));
  refused = Infinity;
  const path = `${at}`; // null where the cache has asked for less than the first time
  if (at === null || path.startsWith(cache)) equal(ended.code, 0, `${path}, ${where}`); // done without
  else requireTold(ended, /No space left on device/);
  await requireWhole(".");
  const again = await run(await scene.isBegun(out) ? scene.resume(out) : scene.begin(out));
  equal(again.code, 0, `${path}, ${where}: ${ended.stderr}, then ${again.stderr}`);
  await compare(out, { scene, files }, `${path}, ${where}`);
  await Deno.remove(out, { recursive: true });
}
console.log(points);
Deno.exit();
