/**
 * What `score` writes, of a stub's scores: rows as they come, and the same bytes however often it was stopped in between.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join, relative } from "node:path";
import { writeHeatmaps } from "../../src/commands/results.ts";
import type { ScoreState } from "../../src/commands/score_folder.ts";
import { FORMATS, rowsIn, type ScoreRow, Tally } from "../../src/commands/score_rows.ts";
import { scoreAll, type Task } from "../../src/commands/score_work.ts";
import { imagesInMemory } from "../../src/data/images.ts";
import { files } from "../../src/host/image_files.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { type Decision, type Threshold, UNDECIDED } from "../../src/methods/decision.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { scoreImages, type Scorer } from "../../src/score/score.ts";
import { picture } from "../data/pictures.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { TINY, tinySource } from "../train/tiny.ts";

const S = 8, AREA = S * S;

/** Its maps are the images' red, and scores the largest of the first row. */
const scorer: Omit<Scorer, "decision"> = {
  source: { ...tinySource(gpu), backbone: null, image_size: S, feature_size: S, images: files },
  method: { ...methodNamed("adtr"), input: "pixels" },
  settings: { ...TINY },
  fitted: {
    async score(features) {
      const values = await gpu.read(features), count = features.shape[0];
      const maps = Float32Array.from({ length: count * AREA }, (_, i) => values[3 * i]);
      const scores = Float32Array.from(
        { length: count },
        (_, i) => Math.max(...maps.subarray(i * AREA, i * AREA + S)),
      );
      return { maps, scores };
    },
  },
};
const given = (value: number): Threshold => ({ value, from: "given", images: 0 });

/** 20 images, one of them broken, one with an odd name. */
async function pictures(folder: string): Promise<string[]> {
  const paths = Array.from({ length: 20 }, (_, i) => join(folder, i === 3 ? '=3", a\nb.png' : `${i}.png`));
  for (const [i, path] of paths.entries()) {
    const file = picture(`score ${i}`, S, S);
    await Deno.writeFile(path, i === 5 ? file.slice(0, 50) : file);
  }
  return paths;
}

/** A call of the command. */
function taskOf(
  out: string,
  change: Partial<ScoreState> = {},
  decision: Partial<Decision> = {},
  options: Partial<Task["options"]> = {},
): Task {
  const state: ScoreState = {
    format: "adtr score 1",
    rows: "csv",
    maps: false,
    heatmaps: "in the end",
    ...change,
  };
  return {
    model: { ...scorer, decision: { ...UNDECIDED, ...decision } },
    options: { out, format: state.rows, ...options },
    display: { onProgress() {}, warn() {} },
    tally: new Tally(),
    state,
  };
}

/** Everything below a folder, by its path. */
async function bytesIn(folder: string, below = folder): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const { name, isDirectory } of await Array.fromAsync(Deno.readDir(folder))) {
    const path = join(folder, name);
    if (isDirectory) { for (const [at, bytes] of await bytesIn(path, below)) found.set(at, bytes); }
    else found.set(relative(below, path), await Deno.readFile(path));
  }
  return new Map([...found].sort(([a], [b]) => a < b ? -1 : 1));
}

const rowsOf = async (out: string, format: keyof typeof FORMATS = "csv"): Promise<ScoreRow[]> =>
  (await Array.fromAsync(rowsIn(join(out, FORMATS[format].file), FORMATS[format]))).map(({ row }) => row);

/** Scores, and stops when so many rows are written. */
async function stopped(task: Task, paths: readonly string[], rows: number): Promise<void> {
  const stop = new AbortController(), add = task.tally.add.bind(task.tally);
  let count = 0;
  task.tally.add = (row) => {
    add(row);
    if (count++ === rows) stop.abort();
  };
  await rejects(scoreAll({ ...task, signal: stop.signal }, paths), { name: "AbortError" });
}

Deno.test("rows, maps and pictures are those of the images; what can't be read has an error", () =>
  inFolder(async (folder) => {
    const paths = await pictures(folder), out = join(folder, "out"), task = taskOf(out, { maps: true });
    await Deno.mkdir(out);
    await scoreAll(task, paths);
    const good = paths.toSpliced(5, 1), scored = await Array.fromAsync(scoreImages(task.model, good));
    const names = await writeHeatmaps(
      join(folder, "wanted"),
      scored.map(({ path, map }) => ({ path, map: map! })),
      S,
    );
    const rows = await rowsOf(out);
    deepEqual(rows.map(({ image }) => image), paths);
    match(rows[5].error!, /^Can't read .*5\.png as a PNG image: /);
    deepEqual({ ...rows[5], image: "", error: "" }, {
      image: "",
      score: null,
      label: null,
      normalised: null,
      heatmap: null,
      error: "",
    });
    deepEqual(
      rows.toSpliced(5, 1),
      scored.map(({ path: image, score }, i) => ({
        image,
        score,
        label: null,
        normalised: null,
        heatmap: `heatmaps/${names[i]}`,
        error: null,
      })),
    );
    const [head] = (await Deno.readTextFile(join(out, "scores.csv"))).split("\n");
    equal(head, "image,score,label,normalised,heatmap,error");

    const { tensors, metadata } = await readSafetensors(join(out, "maps.safetensors"));
    deepEqual(tensors.get("maps")!.shape, [20, S, S]);
    deepEqual(JSON.parse(metadata.images), paths);
    const maps = new Float32Array(tensors.get("maps")!.bytes.slice().buffer);
    ok(maps.subarray(5 * AREA, 6 * AREA).every(Number.isNaN));
    deepEqual(
      [...maps.subarray(0, 5 * AREA), ...maps.subarray(6 * AREA)],
      scored.flatMap(({ map }) => [...map!.data]),
    );
    deepEqual(await bytesIn(join(out, "heatmaps")), await bytesIn(join(folder, "wanted"))); // one range of colours
    const { images, unreadable, failed, highest } = task.tally;
    deepEqual([images, unreadable, failed.length], [20, 1, 1]);
    deepEqual(
      highest.map(({ score }) => score),
      scored.map(({ score }) => score).sort((a, b) => b - a).slice(0, 10),
    );
    deepEqual((await Array.fromAsync(Deno.readDir(out), ({ name }) => name)).sort(), [
      "heatmaps",
      "maps.safetensors",
      "score.json",
      "scores.csv",
    ]);
  }));

const PIXEL = { pixel: given(0.5), image: given(0.97), spread: 0.1 };
const CASES: [name: string, state: Partial<ScoreState>, decision: Partial<Decision>][] = [
  ["pictures in the end, maps kept", { maps: true }, {}],
  ["pictures in the end", {}, {}],
  ["pictures at once, JSON lines", { heatmaps: "at once", rows: "jsonl" }, PIXEL],
  ["no pictures", { heatmaps: "none" }, {}],
];

for (const [name, state, decision] of CASES) {
  Deno.test(`stopped anywhere and gone on with, the bytes are the same: ${name}`, () =>
    inFolder(async (folder) => {
      const paths = await pictures(folder), whole = join(folder, "whole"), out = join(folder, "out");
      await Deno.mkdir(whole);
      await scoreAll(taskOf(whole, state, decision), paths);
      await Deno.mkdir(out);
      const rows = FORMATS[state.rows ?? "csv"].file, begun = join(out, "unfinished");
      for (const [i, count] of [2, 5, 12].entries()) {
        await stopped(taskOf(out, state, decision, i === 0 ? {} : { resume: true }), paths, count - (i && 1));
        equal((await rowsOf(begun, state.rows)).length > i, true); // can be read meanwhile
        // What a power cut leaves.
        await Deno.writeTextFile(join(begun, rows), '"torn', { append: true });
        if (await Deno.stat(join(begun, "maps")).catch(() => null)) {
          await Deno.writeFile(join(begun, "maps"), new Uint8Array(100).fill(1), { append: true });
        }
      }
      const task = taskOf(out, state, decision, { resume: true });
      await scoreAll(task, paths);
      deepEqual(await bytesIn(out), await bytesIn(whole));
      deepEqual([task.tally.images, task.tally.unreadable], [20, 1]);
      // Once more there is nothing to do.
      const { fitted: _, ...without } = scorer, again = taskOf(out, state, decision, { resume: true });
      await scoreAll({ ...again, model: { ...again.model, ...without, fitted: null! } }, paths);
      equal(again.tally.images, 20);
    }));
}

Deno.test("an earlier call's results stay until all are there; what is unfinished is not mixed with others", () =>
  inFolder(async (folder) => {
    const paths = await pictures(folder), out = join(folder, "out");
    await Deno.mkdir(out);
    await scoreAll(taskOf(out, { maps: true }), paths.slice(0, 4));
    const before = await bytesIn(out);
    await stopped(taskOf(out, { rows: "jsonl", note: 1 }), paths, 9);
    const during = await bytesIn(out);
    for (const [path, bytes] of before) deepEqual(during.get(path), bytes);

    await rejects(
      scoreAll(taskOf(out), paths),
      /without unfinished scores, but found .*unfinished\.\n--resume goes on/,
    );
    await rejects(
      scoreAll(taskOf(out, { rows: "jsonl", note: 2 }, {}, { resume: true }), paths),
      /Expected to go on as in .*score\.json with note 1, but found 2$/,
    );
    deepEqual(await bytesIn(out), during);
    await scoreAll(taskOf(out, { rows: "jsonl", note: 1 }, {}, { resume: true }), paths);
    const names = [...(await bytesIn(out)).keys()].filter((path) => !path.startsWith("heatmaps"));
    deepEqual(names, ["score.json", "scores.jsonl"]);

    // Killed while results were moved to their place.
    const done = await bytesIn(out);
    await Deno.mkdir(join(out, "unfinished"));
    await Deno.rename(join(out, "score.json"), join(out, "unfinished/score.json"));
    await Deno.rename(join(out, "heatmaps"), join(out, "unfinished/heatmaps"));
    await scoreAll(taskOf(out, { rows: "jsonl", note: 1 }, {}, { resume: true }), paths);
    deepEqual(await bytesIn(out), done);

    // Stopped before the first row, there is nothing to lose.
    const signal = AbortSignal.abort();
    await rejects(scoreAll({ ...taskOf(out, { note: 3 }), signal }, paths), { name: "AbortError" });
    deepEqual(await bytesIn(join(out, "unfinished/heatmaps")), new Map());
    await scoreAll(taskOf(out, { note: 4 }), paths);
    equal((await rowsOf(out)).length, 20);
  }));

Deno.test("a picture that can't be drawn in the end is in no row", () =>
  inFolder(async (folder) => {
    for (const [i, rows] of (["csv", "jsonl"] as const).entries()) {
      const paths = await pictures(folder), out = join(folder, `out${i}`), warnings: string[] = [];
      await Deno.mkdir(out);
      const display = { onProgress() {}, warn: (message: string) => void warnings.push(message) };
      const task = { ...taskOf(out, { rows, maps: true }), display };
      let count = 0;
      const { add } = task.tally;
      task.tally.add = (row) => {
        add.call(task.tally, row);
        if (++count === paths.length) { for (const gone of [3, 7]) Deno.removeSync(paths[gone]); // while it goes on
         }
      };
      await scoreAll(task, paths);
      const found = await rowsOf(out, rows);
      deepEqual(found.map(({ image }) => image), paths);
      deepEqual([3, 5, 7].map((i) => found[i].heatmap), [null, null, null]);
      ok([3, 7].every((i) => found[i].score !== null && found[i].error === null));
      deepEqual(
        found.flatMap(({ heatmap }) => heatmap ?? []).sort(),
        [...(await bytesIn(join(out, "heatmaps"))).keys()].map((name) => `heatmaps/${name}`).sort(),
      );
      equal(warnings.length, 2);
      ok(warnings.every((line) => line.startsWith("no heat map: Can't read") && !line.includes("\n")));
      equal((await readSafetensors(join(out, "maps.safetensors"))).tensors.get("maps")!.shape[0], 20);
    }
  }));

Deno.test("strictly, the first image that can't be read ends the work, and rows before it are kept", () =>
  inFolder(async (folder) => {
    const paths = await pictures(folder), out = join(folder, "out");
    await Deno.mkdir(out);
    await rejects(scoreAll(taskOf(out, {}, {}, { strict: true }), paths), {
      name: "InputError",
      message: /5\.png/,
    });
    equal((await rowsOf(join(out, "unfinished"))).length, 5);
    await Deno.writeFile(paths[5], picture("mended", S, S));
    const task = taskOf(out, {}, {}, { strict: true, resume: true });
    await scoreAll(task, paths);
    deepEqual([task.tally.images, task.tally.unreadable], [20, 0]);
  }));

Deno.test("of anomalous images only there are pictures; regions are boxes in the image", () =>
  inFolder(async (folder) => {
    const paths = await pictures(folder), out = join(folder, "out");
    await Deno.mkdir(out);
    const state = { rows: "jsonl", heatmaps: "at once", only: "anomalous" } as const;
    const task = taskOf(out, state, PIXEL, { only: "anomalous" });
    await scoreAll(task, paths);
    const rows = await rowsOf(out, "jsonl"), anomalous = rows.filter(({ label }) => label === "anomalous");
    ok(anomalous.length > 0 && anomalous.length < 19);
    equal(rows.length, 20);
    deepEqual(task.tally.labels, { anomalous: anomalous.length, normal: 19 - anomalous.length });
    for (const { label, score, heatmap, normalised, regions, error } of rows) {
      equal(heatmap !== null, label === "anomalous");
      if (error) continue;
      equal(score! > 0.97, label === "anomalous");
      equal(normalised! > 0.5, label === "anomalous");
      for (const { x, y, width, height, peak } of regions!) {
        ok(x >= 0 && y >= 0 && x + width <= S && y + height <= S && peak > 0.5);
      }
    }
    deepEqual([...(await bytesIn(join(out, "heatmaps"))).keys()].length, anomalous.length);
  }));

Deno.test("rows are read as they were written", async () => {
  const nothing = { score: null, label: null, normalised: null, heatmap: null, error: null };
  const rows: ScoreRow[] = [
    { ...nothing, image: 'a "b",\nc\r.png', score: Math.fround(0.1), label: "anomalous", normalised: 0.7 },
    { ...nothing, image: "=1+1.png", score: Math.fround(-1e-30), heatmap: "heatmaps/=1+1.png" },
    { ...nothing, image: "'x", error: 'two\nlines, "quoted"' },
  ];
  await inFolder(async (folder) => {
    for (const format of Object.values(FORMATS)) {
      const path = join(folder, format.file),
        text = format.head + rows.map((row) => format.line(row)).join("");
      for (const torn of ["", text.slice(0, -1).split("\n").at(-1)!.slice(0, 9)]) {
        await Deno.writeTextFile(path, text + torn);
        const found = await Array.fromAsync(rowsIn(path, format));
        deepEqual(found.map(({ row }) => row), rows);
        equal(found.at(-1)!.end, new TextEncoder().encode(text).length);
      }
    }
  });
});

Deno.test("what is no row is told, where it is not the end that was torn", () =>
  inFolder(async (folder) => {
    const good = { image: "a", score: 1, label: null, normalised: null, heatmap: null, error: null };
    const bad = {
      csv: [
        "\n",
        "a,1,\n",
        "a,,,,,\n",
        "a,x,,,,\n",
        "a,1,odd,,,\n",
        "a,1,,,,no\n",
        "a,Infinity,,,,\n",
        "a,1,,,,,\n",
      ],
      jsonl: [{}, { ...good, image: 1 }, { ...good, score: null }, { ...good, score: "1" }, {
        ...good,
        label: 1,
      }]
        .concat([{ ...good, error: "no" }, { ...good, heatmap: [] }, { ...good, normalised: {} }])
        .map((row) => JSON.stringify(row) + "\n").concat(["null\n", "{\n", "\n"]),
    };
    for (const name of ["csv", "jsonl"] as const) {
      const format = FORMATS[name], path = join(folder, format.file);
      for (const line of bad[name]) {
        await Deno.writeTextFile(path, format.head + format.line(good) + line + format.line(good));
        await rejects(Array.fromAsync(rowsIn(path, format)), {
          name: "InputError",
          message: new RegExp(`^Expected rows of scores in ${path}, but found .* before byte \\d+$`),
        }, line);
      }
    }
  }));

Deno.test("an open quote does not make a row of all that follows, which would take its time", () =>
  inFolder(async (folder) => {
    const path = join(folder, "scores.csv");
    await Deno.writeTextFile(path, `${FORMATS.csv.head}"a,1,,,,\n${"b,1,,,,\n".repeat(300_000)}`);
    await rejects(Array.fromAsync(rowsIn(path, FORMATS.csv)), {
      name: "InputError",
      message: `Expected a line of at most 1048576 bytes from byte 43 of ${path} on, but found none`,
    });
  }));

Deno.test("a tally counts all and names few", () => {
  const tally = new Tally("anomalous");
  equal(tally.counts(), "0 images");
  for (let i = 0; i < 40; i++) {
    const readable = i % 3 > 0, label = i % 2 === 0 ? "normal" as const : "anomalous" as const;
    tally.add({
      image: `${i}`,
      score: readable ? i : null,
      label: readable ? label : null,
      normalised: null,
      heatmap: null,
      error: readable ? null : `no\n${i}`,
    });
  }
  equal(tally.counts(), "40 images: 13 anomalous, 13 normal, 14 unreadable");
  deepEqual(tally.highest.map(({ score }) => score), [37, 35, 31, 29, 25, 23, 19, 17, 13, 11]);
  equal(tally.failures().length, 11);
  deepEqual(tally.failures().slice(-2), ["27: no", "and 4 more"]);
});

Deno.test("names and errors stay on their line of a terminal", () => {
  const tally = new Tally(), nothing = { score: null, label: null, normalised: null, heatmap: null };
  tally.add({ ...nothing, image: "a\n\x1b[2Jb.png", error: "Can't read a\n\x1b[2Jb.png: no image" });
  tally.add({ ...nothing, image: "c\x1b.png", error: "Expected c\x1b.png to be an image\nor so" });
  deepEqual(tally.failures(), [
    "Can't read a\\n\\u001b[2Jb.png: no image",
    "Expected c\\u001b.png to be an image",
  ]);
});

Deno.test("images are scored no further ahead than a batch", async () => {
  const names = Array.from({ length: 70 }, (_, i) => `${i}`), file = picture("score", S, S);
  const images = imagesInMemory(Object.fromEntries(names.map((name) => [name, file])));
  let made = 0, taken = 0;
  const fitted: Scorer["fitted"] = {
    score({ shape: [count] }) {
      made += count;
      return Promise.resolve({ maps: new Float32Array(count * AREA), scores: new Float32Array(count) });
    },
  };
  const source = { ...scorer.source, images };
  for await (const { path } of scoreImages({ ...scorer, source, fitted, decision: UNDECIDED }, names)) {
    equal(path, names[taken++]);
    ok(made - taken < 8, `${made} made, ${taken} taken`);
  }
  equal(made, 70);
});
