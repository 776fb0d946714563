/**
 * `score` from the command line on photographs from disk, and what one image costs stage by stage.
 *
 *     NODEVICE_SELECT=1 deno run -A bench/score/main.ts MODEL [--images 1000] [--side 1024] [--png] [--turns 1] [--other CLI]
 *
 * The images are JPEG files, or PNG files, of sums of waves with noise. CLI is another tree's cli.ts, with which calls are to be
 * compared in turns. Of two calls a turn the first begins with an empty feature cache, and leaves a full one to the second. The
 * processor's time of a whole process is the figure to go by where a machine has other users. Stages are on one thread,
 * without a GPU.
 *
 * @module
 */
import { encode } from "npm:jpeg-js@^0.4.4";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { decodeImage } from "../../src/data/image.ts";
import { resizeImage } from "../../src/data/resize.ts";
import { pngFile } from "../../src/host/png_file.ts";
import { writeWhole } from "../../src/host/files.ts";
import { heatmap } from "../../src/report/heatmap.ts";
import { sha256 } from "../../src/sha256.ts";

const { values: { images: count, side, png, turns, other }, positionals: [model] } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    images: { type: "string", default: "1000" },
    side: { type: "string", default: "1024" },
    png: { type: "boolean", default: false },
    turns: { type: "string", default: "1" },
    other: { type: "string" },
  },
});
const [COUNT, S, TURNS] = [count, side, turns].map(Number), SAMPLE = 30;
if (model === undefined || ![COUNT, S, TURNS].every((n) => Number.isInteger(n) && n > 0)) {
  throw new Error("Expected MODEL, and --images, --side and --turns from 1 on");
}
await Deno.stat(model);
const OWN = join(import.meta.dirname!, "..", "..", "cli.ts");

const folder = await Deno.makeTempDir();
try {
  const images = join(folder, "images"), nameOf = (i: number) => join(images, `${i}.${png ? "png" : "jpg"}`);
  await Deno.mkdir(images);
  for (let i = 0; i < COUNT; i++) await Deno.writeFile(nameOf(i), photograph(i));
  await stages(await Deno.readFile(nameOf(0)));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const cli of other ? [other, OWN] : [OWN]) {
      for (const cache of ["empty", "full"]) await call(cli, images, cache);
      await Deno.remove(join(folder, "cache"), { recursive: true });
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

function photograph(seed: number): Uint8Array {
  const data = new Uint8Array(4 * S * S);
  let noise = seed + 1;
  for (let i = 0; i < data.length; i++) {
    noise = Math.imul(noise, 1664525) + 1013904223;
    const x = (i >> 2) % S, y = Math.floor((i >> 2) / S), c = i & 3;
    data[i] = 128 + 40 * Math.sin((x * (c + 2) + y * (seed % 7 + 1)) * 20 / S) + (noise >>> 28);
  }
  if (!png) return encode({ width: S, height: S, data }, 90).data;
  return pngFile({ width: S, height: S, data: data.filter((_, i) => i % 4 < 3) });
}

async function stages(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const whole = await decodeImage(bytes), seen = resizeImage(whole, 256, 256);
  const data = Float32Array.from({ length: 128 * 128 }, (_, i) => Math.sin(i / 500) ** 2);
  const shades = { low: 0, high: 1, threshold: 0.7 }, map = { width: 128, height: 128, data };
  const picture = heatmap({ image: seen, map, ...shades }), file = pngFile(picture);
  const all: Record<string, () => unknown> = {
    hash: () => sha256(bytes),
    decode: () => decodeImage(bytes),
    "resize to 128": () => resizeImage(whole, 128, 128),
    "resize to 256": () => resizeImage(whole, 256, 256),
    draw: () => heatmap({ image: seen, map, ...shades }),
    "encode PNG": () => pngFile(picture),
    "write and sync": () => writeWhole(join(folder, "a.png"), (write) => write(file)),
  };
  for (const [name, run] of Object.entries(all)) {
    for (let i = 0; i < 5; i++) await run();
    const begin = performance.now();
    for (let i = 0; i < SAMPLE; i++) await run();
    console.log(`${name}: ${((performance.now() - begin) / SAMPLE).toFixed(1)} ms an image`);
  }
}

async function call(cli: string, images: string, filled: string): Promise<void> {
  const out = join(folder, "out"), cache = join(folder, "cache");
  const script = 'TIMEFORMAT="%R s by the clock, %U + %S s of processor time"; time "$@" > /dev/null';
  const args = ["run", "-A", cli, "score", "--model", model, "--out", out, images];
  const env = {
    XDG_CACHE_HOME: cache,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
  };
  const { success, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, "score", Deno.execPath(), ...args],
    env,
  }).output();
  const text = new TextDecoder().decode(stderr).trim();
  if (!success) throw new Error(text);
  console.log(`${cli}, ${filled} cache: ${text.split("\n").at(-1)}, ${COUNT} images`);
  await Deno.remove(out, { recursive: true });
}
