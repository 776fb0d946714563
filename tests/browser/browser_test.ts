/**
 * The library in a browser: the same files give the same features, scores and maps there as here, and a page shows them.
 *
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import * as here from "../../mod.ts";
import { drawSample } from "../../src/data/procedural/sample.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { inFolder } from "../folder.ts";
import { openBrowser, serve } from "./site.ts";

const ROOT = join(import.meta.dirname!, "..", "..");
const SIZES = { backbone: "gabor", image_size: 64, feature_size: 8 };
const TINY = { epochs: 1, batch_size: 4, hidden: 16, heads: 2, ffn: 16, layers: 1 };
const METHODS: Record<string, Partial<here.Settings>> = { knn: SIZES, adtr: { ...SIZES, ...TINY } };
const photos = (defect?: string): here.Image[] =>
  [0, 1, 2, 3].map((seed) => drawSample({ category: "grid", size: 64, seed, defect }).image);

/** An image for each way of decoding. */
const KINDS = [
  ...["png.interlaced_palette4", "jpeg.turned6", "jpeg.cmyk", "webp.lossy_alpha", "gif.interlaced"],
  ...["tiff.rgb", "tiff.lzw", "tiff.jpeg"],
];

/** Numbers by what they are. */
type Results = Record<string, number[]>;

/**
 * What is compared. Runs here and, its text alone being sent there, in a page.
 *
 * @param read gives a file's bytes
 */
async function compute(
  adtr: typeof here,
  read: (name: string) => Promise<Uint8Array<ArrayBuffer>>,
  methods: readonly string[],
  kinds: readonly string[],
): Promise<Results> {
  const results: Record<string, Iterable<number>> = {};
  using gpu = await adtr.Gpu.open();
  for (const kind of kinds) results[`pixels of ${kind}`] = (await adtr.decodeImage(await read(kind))).data;
  const photo = await read("photo.png"), { images } = adtr.memoryData({ normal: [photo] });
  for (const name of ["gabor", "efficientnet_lite0"] as const) {
    using backbone = await adtr.openBackbone(gpu, name, null);
    const source = { gpu, backbone, image_size: 64, feature_size: 8, images, cache: null };
    [results[`features of ${name}`]] = await adtr.extractFeatures(source, ["normal 0"]);
  }
  for (const method of methods) {
    using model = await adtr.openModelBytes(gpu, await read(`${method}.safetensors`));
    const { score, map } = await model.score(photo);
    results[`score of ${method}`] = [score];
    results[`map of ${method}`] = map!.data;
  }
  const settings = { backbone: "gabor", image_size: 64, feature_size: 8 };
  const data = await Promise.all([0, 1, 2, 3].map((i) => read(`good-${i}.png`)));
  using trained = await adtr.train(gpu, { data, method: "padim", settings });
  results["map of padim, trained there"] = (await trained.score(photo)).map!.data;
  return Object.fromEntries(Object.entries(results).map(([name, values]) => [name, [...values]]));
}

/** ‖a − b‖ / ‖b‖ */
function relative(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((v, i) => v - b[i])) / Math.hypot(...b);
}

/** A folder as examples/browser makes it, with the files that `compute` reads. */
async function makeSite(folder: string): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(ROOT, "examples", "browser", "bundle.ts"), folder],
    cwd: folder,
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  const { tensors } = await readSafetensors(join(ROOT, "tests", "golden", "images.safetensors"));
  for (const kind of KINDS) await Deno.writeFile(join(folder, kind), tensors.get(`file.${kind}`)!.bytes);
  await Deno.writeFile(join(folder, "photo.png"), here.encodePng(photos("bent")[0]));
  for (const [i, photo] of photos().entries()) {
    await Deno.writeFile(join(folder, `good-${i}.png`), here.encodePng(photo));
  }
  using gpu = await here.Gpu.open();
  for (const [method, settings] of Object.entries(METHODS)) {
    using model = await here.train(gpu, { data: photos(), method, preset: "demo", settings });
    await Deno.writeFile(join(folder, `${method}.safetensors`), await model.toBytes());
  }
}

Deno.test("a browser gets the same features, scores and maps, and the example's page shows them", () =>
  inFolder(async (folder) => {
    await makeSite(folder);
    const methods = Object.keys(METHODS);
    const wanted = await compute(here, (name) => Deno.readFile(join(folder, name)), methods, KINDS);
    await using server = serve(folder);
    const browser = await openBrowser();
    try {
      const page = await browser.newPage(), errors: Error[] = [];
      page.on("pageerror", (error) => errors.push(error));
      await page.goto(`http://127.0.0.1:${server.addr.port}/`);
      const read = 'async (name) => (await fetch("./" + name)).bytes()';
      const found = await page.evaluate<Results>(
        `import("./adtr.js").then((adtr) => (${compute})(adtr, ${read}, ...${
          JSON.stringify([methods, KINDS])
        }))`,
      );
      equal(Object.keys(found).join(), Object.keys(wanted).join());
      for (const [name, values] of Object.entries(wanted)) {
        equal(found[name].length, values.length, name);
        const difference = relative(found[name], values);
        ok(difference <= 1e-4, `${name}: expected at most 1e-4 apart, but found ${difference}`);
      }

      await page.setInputFiles("#model", join(folder, "knn.safetensors"));
      await page.setInputFiles("#image", join(folder, "photo.png"));
      await page.waitForFunction('document.querySelector("output").value.startsWith("score")');
      match(await page.textContent("output") ?? "", /^score \d/);
      await page.waitForFunction('document.querySelector("img").naturalWidth > 64');
      equal(errors.length, 0, String(errors));
    } finally {
      await browser.close();
    }
  }));
