/**
 * What reads files of every kind, as the program does, and how much memory it may take for it. Where something was read, it is
 * checked that it is what it claims to be.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import * as v from "npm:valibot@^1.5.0";
import { readConfig } from "../../src/commands/config.ts";
import { cellFolder, refuseOther, resultOf } from "../../src/commands/reproduce_cells.ts";
import { ScoreFolder, UNFINISHED } from "../../src/commands/score_folder.ts";
import { Tally } from "../../src/commands/score_rows.ts";
import { readCifar } from "../../src/data/cifar.ts";
import { imageHeader } from "../../src/data/decode.ts";
import { decodeImage } from "../../src/data/image.ts";
import { decodeMask } from "../../src/data/mask.ts";
import { InputError } from "../../src/errors.ts";
import { DTYPE_BYTES, float32Of } from "../../src/formats/tensor_file.ts";
import { parseWeightFile } from "../../src/formats/weight_file.ts";
import { openCifar } from "../../src/host/cifar_files.ts";
import { FeatureCache } from "../../src/host/feature_cache.ts";
import { makeFolder } from "../../src/host/files.ts";
import { beginLog, epochLosses, readLog } from "../../src/host/log.ts";
import { listVisa, scanVisa } from "../../src/host/visa.ts";
import { ScoreAnswer } from "../../src/serve/schemas.ts";
import { FORMS } from "../data/cifar_files.ts";
import { fill } from "../fill.ts";
import { withServer } from "../serve/fake.ts";
import type { Bytes } from "./mutations.ts";
import { requestType } from "./requests.ts";
import { featureEntry, FEATURES_KEY, reproductionOf, resultSeeds, scoreSeeds, scoreState } from "./tables.ts";

/** What is to be read. */
export interface File {
  /** Its bytes. */
  bytes: Bytes;
  /** Where they are: what errors must name, or what it lies in. */
  path: string;
  /** What it was before it was damaged. */
  seed: string;
  /** A new folder, for what needs to have things in certain places. */
  folder: string;
}

/** How a kind is read. */
export interface FileReader {
  /** Reads a file. */
  read(file: File): Promise<void>;
  /** What errors name; its path by default. */
  named?(file: File): string;
  /** Bytes that reading one may take. */
  memory: number;
}

const MIB = 2 ** 20;
/** Of images: those of 2^26 pixels. */
const PIXELS = 1792 * MIB;
/** Of all others, beside their own sizes. */
const MEMORY = 256 * MIB;

const image: FileReader = {
  memory: PIXELS,
  async read({ bytes, path }) {
    const header = await imageHeader(bytes, path);
    const { width, height, data } = await decodeImage(bytes, path);
    deepEqual([width, height], [header.width, header.height]);
    equal(data.length, 3 * width * height);
    if (data.length < MIB) await decodeMask(bytes, path);
  },
};

const weights: FileReader = {
  memory: MEMORY,
  async read({ bytes, path }) {
    const { tensors } = await parseWeightFile(bytes, path);
    for (const tensor of tensors.values()) {
      const values = tensor.shape.reduce((a, b) => a * b, 1);
      equal(tensor.bytes.length, values * DTYPE_BYTES[tensor.dtype]);
      equal(float32Of(tensor).length, values);
    }
  },
};

/** Readers by the kinds' names. */
export const READERS = {
  png: image,
  jpeg: image,
  bmp: image,
  tiff: image,
  webp: image,
  gif: image,
  safetensors: weights,
  pth: weights,
  tar: {
    memory: 1024 * MIB + MEMORY, // an archive may unpack to 1 GiB
    async read({ path }) {
      checkCifar(await openCifar(path));
    },
  },
  cifar: {
    memory: MEMORY,
    async read({ bytes, path, seed }) {
      const [form, name] = seed.split("/"), files = { ...FORMS[form], [name]: bytes };
      const all = Object.entries(files).map(([name, bytes]): [string, () => Promise<Bytes>] => [
        name,
        () => Promise.resolve(bytes),
      ]);
      checkCifar(await readCifar([{ path: dirname(path), files: new Map(all) }], dirname(path)));
    },
    named: ({ path, seed }) => join(dirname(path), basename(seed)),
  },
  config: {
    memory: MEMORY,
    async read({ path }) {
      const { settings, places } = await readConfig(path);
      ok(Object.values(settings).every((value) => value !== null && typeof value !== "object"));
      ok(Object.values(places).every((value) => typeof value === "string"));
    },
  },
  visa: {
    memory: MEMORY,
    async read({ bytes, folder }) {
      await makeFolder(join(folder, "split_csv"));
      await Deno.writeFile(join(folder, "split_csv", "1cls.csv"), bytes);
      for (const name of (await listVisa(folder) ?? []).slice(0, 1)) {
        const { category } = await scanVisa(folder, name);
        equal(category.name, name);
      }
    },
    named: ({ folder }) => join(folder, "split_csv", "1cls.csv"),
  },
  scores: {
    memory: MEMORY,
    async read({ bytes, folder, seed }) {
      const begun = join(folder, UNFINISHED), rows = dirname(seed) as "csv" | "jsonl";
      await makeFolder(begun);
      for (const [name, sound] of scoreSeeds()) {
        if (dirname(name) === rows) {
          await Deno.writeFile(join(begun, basename(name)), name === seed ? bytes : sound);
        }
      }
      const known = new Tally(), seen = new Tally();
      using scores = await ScoreFolder.open(
        folder,
        scoreState(rows),
        { resume: true, watch: false },
        (row) => known.add(row),
      );
      for await (const { row, map } of scores.all()) {
        seen.add(row);
        if (map) equal((await map.read()).data.length, map.width * map.height);
      }
      deepEqual(seen, known);
      ok(known.counts().includes(`${known.images} image`));
      known.failures();
    },
    named: ({ folder }) => join(folder, UNFINISHED),
  },
  results: {
    memory: MEMORY,
    async read({ bytes, folder, seed }) {
      const { plan, cell } = await reproductionOf(folder), within = cellFolder(plan, cell.entry.name, cell);
      await makeFolder(within);
      for (const [name, sound] of await resultSeeds()) {
        await Deno.writeFile(join(within, name), name === seed ? bytes : sound);
      }
      await refuseOther(plan, cell, null);
      const { metrics, speed } = (await resultOf(plan, cell))!;
      const numbers = [...Object.values(metrics), ...Object.values(speed)];
      ok(numbers.every((value) => value === null || Number.isFinite(value)));
    },
    named: ({ folder }) => folder, // a sentence names the file, the next one its folder
  },
  request: {
    memory: MEMORY,
    read: ({ bytes, path, seed }) =>
      withServer(async ({ ask, lines }) => {
        const headers = { "content-type": requestType(seed) };
        const response = await ask("/v1/score", { method: "POST", body: bytes, headers });
        const answer = await response.json(), { status } = response;
        equal((await (await ask("/healthz")).json()).status, "ok", lines.join("\n"));
        if (status !== 200) {
          ok([400, 413, 422].includes(status), `${status} ${answer.error}\n${lines.join("\n")}`);
          ok(status !== 422 || answer.error.includes("image"), answer.error);
          throw new InputError(`${path}: ${answer.error}`);
        }
        for (const result of v.parse(ScoreAnswer, answer).results) {
          ok(!("error" in result) || result.error.includes(result.name), JSON.stringify(result));
        }
      }),
  },
  log: {
    memory: MEMORY,
    async read({ path }) {
      ok(epochLosses(await readLog(path)).every((loss) => typeof loss === "number"));
      await beginLog(path, 2);
      equal((await readLog(path)).length, 2);
    },
  },
  features: {
    memory: MEMORY,
    async read({ bytes, folder }) {
      await featureEntry(folder, bytes);
      const found = await new FeatureCache(folder).get(FEATURES_KEY);
      if (found) deepEqual(found, fill("features", 24));
    },
  },
  model: {
    memory: MEMORY,
    async read({ bytes, path }) {
      const { openFitted, parseModel, projectionOf } = await import("../../src/methods/model_file.ts");
      const { settingsOf } = await import("../../src/score/open_model.ts"),
        { gpu } = await import("../gpu.ts");
      const file = parseModel(bytes, path), settings = settingsOf(file), { C, H, W } = file.sizes;
      projectionOf(file);
      using fitted = await openFitted(gpu, file);
      const isLong = "epochs" in settings || C * H * W > 2 ** 16 || settings.image_size > 64; // to score an image
      if (file.method.input !== "features" || isLong) return;
      const x = gpu.tensor(fill("x", C * H * W), [1, H * W, C]),
        pooled = fitted.P ? [fill("p", fitted.P)] : [];
      try {
        const { maps, scores } = await fitted.score(x, pooled, settings);
        equal(scores.length, 1);
        if (maps) equal(maps.length, settings.image_size ** 2);
      } finally {
        gpu.release(x);
      }
    },
  },
  checkpoint: {
    memory: MEMORY,
    async read({ bytes, path }) {
      const { parseCheckpoint, restore } = await import("../../src/train/checkpoint.ts");
      const { IDENTITY, tinyTrainable } = await import("./models.ts"), { gpu } = await import("../gpu.ts");
      using trainable = tinyTrainable(gpu);
      const checkpoint = await parseCheckpoint(bytes, path);
      equal(restore(gpu, checkpoint, trainable, IDENTITY, ["lr"]), checkpoint.steps);
    },
  },
  /** No file's kind: it does what must not be, to see that it is seen. */
  faulty: {
    memory: 64 * MIB,
    async read({ bytes, path }) {
      switch (new TextDecoder().decode(bytes)) {
        case "sound":
          return;
        case "hang":
          for (;;);
        case "exit":
          return Deno.exit(3);
        case "swell":
          return void new Uint8Array(100 * MIB).fill(1);
        case "print":
          return console.warn("careful");
        case "late":
          setTimeout(() => {
            throw new Error("too late");
          });
          return await new Promise(() => {});
        case "nameless":
          throw new InputError("Expected something else");
        case "long":
          throw new InputError(`${path} has ${"x".repeat(2000)}`);
        case "refused":
          throw new InputError(`Expected ${path} to be another`);
        default:
          throw new RangeError("Expected to be told what to do");
      }
    },
  },
} satisfies Record<string, FileReader>;

/** The name of what reads files of a kind. */
export type ReaderName = keyof typeof READERS;
/** The name of a kind. */
export type KindName = Exclude<ReaderName, "faulty">;

function checkCifar({ classes, train, test }: Awaited<ReturnType<typeof readCifar>>): void {
  for (const { images, labels } of [train, test]) {
    equal(images.length, 3072 * labels.length);
    ok(labels.every((label) => label < classes.length));
  }
}
