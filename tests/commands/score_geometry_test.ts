/**
 * What `score` writes of a model that does not look at whole, stretched images: a stub's maps.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { ScoreState } from "../../src/commands/score_folder.ts";
import { FORMATS, rowsIn, Tally } from "../../src/commands/score_rows.ts";
import { scoreAll, type Task } from "../../src/commands/score_work.ts";
import { decodeImage, encodePng } from "../../src/data/image.ts";
import { type FrameSettings, framingOf } from "../../src/data/frame.ts";
import { files } from "../../src/host/image_files.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { writeTiffMaps } from "../../src/host/tiff_maps.ts";
import { UNDECIDED } from "../../src/methods/decision.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { TINY, tinySource } from "../train/tiny.ts";

const S = 16;

/** Scores pixels by their red. */
function taskOf(out: string, way: Partial<FrameSettings>, change: Partial<ScoreState> = {}): Task {
  const framing = framingOf({ fit: "stretch", roi: "none", tiles: 0, overlap: 0, ...way });
  const state: ScoreState = {
    format: "adtr score 1",
    rows: "jsonl",
    maps: false,
    heatmaps: "at once",
    ...change,
  };
  return {
    model: {
      source: { ...tinySource(gpu), backbone: null, image_size: S, feature_size: S, images: files, framing },
      method: { ...methodNamed("adtr"), input: "pixels" },
      settings: { ...TINY },
      decision: { ...UNDECIDED, pixel: { value: 0.7, from: "given", images: 0 } },
      fitted: {
        async score(features) {
          const values = await gpu.read(features), count = features.shape[0];
          const maps = Float32Array.from({ length: count * S * S }, (_, i) => values[3 * i]);
          return { maps, scores: Float32Array.from({ length: count }, () => 0), window: 1 };
        },
      },
    },
    options: { out, format: state.rows },
    display: { onProgress() {}, warn() {} },
    tally: new Tally(),
    state,
  };
}

/** Dark, with a bright square of 8×8 pixels. */
async function dark(path: string, width: number, height: number, x: number, y: number): Promise<string> {
  const data = new Uint8Array(3 * width * height).fill(50);
  for (let row = y; row < y + 8; row++) data.fill(255, 3 * (row * width + x), 3 * (row * width + x + 8));
  await Deno.writeFile(path, encodePng({ width, height, data }));
  return path;
}

Deno.test("regions are where they are in the image, and pictures show the map where it lies", () =>
  inFolder(async (folder) => {
    const paths = [
      await dark(join(folder, "a.png"), 48, 32, 24, 12),
      await dark(join(folder, "b.png"), 40, 40, 16, 16),
    ];
    const ways: Partial<FrameSettings>[] = [
      { fit: "crop" },
      { fit: "pad" },
      { roi: "25%,25%,50%,50%" },
      { tiles: 16, overlap: 4 },
    ];
    for (const [i, way] of ways.entries()) {
      const out = join(folder, `${i}`);
      await Deno.mkdir(out);
      await scoreAll(taskOf(out, way), paths);
      const rows = (await Array.fromAsync(rowsIn(join(out, FORMATS.jsonl.file), FORMATS.jsonl))).map((
        { row },
      ) => row);
      for (const [j, { regions, heatmap, error }] of rows.entries()) {
        equal(error, null);
        equal(regions!.length, 1);
        const [{ x, y, width, height }] = regions!, [wantedX, wantedY] = j === 0 ? [24, 12] : [16, 16];
        for (
          const [found, wanted] of [[x, wantedX], [y, wantedY], [x + width, wantedX + 8], [
            y + height,
            wantedY + 8,
          ]]
        ) {
          ok(Math.abs(found - wanted) <= 3, `${JSON.stringify(way)}: ${JSON.stringify(regions)}`);
        }
        const drawn = await decodeImage(await Deno.readFile(join(out, heatmap!)));
        const [wide, high] = j === 0 ? [48, 32] : [40, 40]; // of the whole image, the map where it is
        equal(drawn.height, high);
        equal(drawn.width, 3 * wide + 8);
        const red = (panel: number, x: number, y: number) =>
          drawn.data[3 * (y * drawn.width + panel * (wide + 4) + x)];
        equal(red(0, 0, 0), 50);
        ok(red(2, wantedX + 4, wantedY + 4) > red(2, 0, 0));
      }
    }
  }));

Deno.test("--maps has maps of one size, and refuses others as soon as they are there", () =>
  inFolder(async (folder) => {
    const [a, b, c] = [
      await dark(join(folder, "a.png"), 48, 32, 24, 12),
      await dark(join(folder, "b.png"), 48, 32, 4, 4),
      await dark(join(folder, "c.png"), 40, 40, 16, 16),
    ];
    const tiles = { tiles: 16, overlap: 4 },
      out = join(folder, "out"),
      change = { maps: true, heatmaps: "none" as const };
    await Deno.mkdir(out);
    await scoreAll(taskOf(out, tiles, change), [a, b]);
    const { tensors } = await readSafetensors(join(out, "maps.safetensors"));
    deepEqual(tensors.get("maps")!.shape, [2, 32, 48]);
    const other = join(folder, "other");
    await Deno.mkdir(other);
    await rejects(scoreAll(taskOf(other, tiles, change), [a, c, b]), {
      name: "InputError",
      message: `Expected maps of one size for --maps, but found 48×32 and, of ${c}, 40×40.\n` +
        "Without --maps, images of any size are scored.",
    });
  }));

Deno.test("a TIFF has its image's size: the map where it is, its lowest value elsewhere", () =>
  inFolder(async (folder) => {
    const path = await dark(join(folder, "a.png"), 12, 10, 0, 0), out = join(folder, "maps");
    const map = { width: 2, height: 2, data: Float32Array.of(1, 2, 3, 4) },
      area = { x: 4, y: 2, width: 2, height: 2 };
    await writeTiffMaps(out, "c", [{ path, defect: "good", map, area }]);
    const file = await Deno.readFile(join(out, "c", "test", "good", "a.tiff"));
    const values = new Float32Array(file.buffer, file.byteOffset + file.length - 4 * 120, 120);
    deepEqual([...values].filter((v) => v !== 1), [2, 3, 4]);
    deepEqual([2, 3, 4].map((v) => values.indexOf(v)), [2 * 12 + 5, 3 * 12 + 4, 3 * 12 + 5]);
  }));
