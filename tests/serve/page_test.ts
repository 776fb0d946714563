/**
 * The inspection page without a browser: its files, what a session remembers, and that its regions and tables are those of the
 * library.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { csvRows } from "../../src/report/csv.ts";
import { regionsOf as regionsOfLibrary } from "../../src/score/regions.ts";
import { decide } from "../../src/score/verdict.ts";
import { pageFiles } from "../../src/serve/page.ts";
import { coloured, ColourRange } from "../../src/serve/page/colours.js";
import { regionsOf } from "../../src/serve/page/regions.js";
import { Session } from "../../src/serve/page/session.js";
import { sessionCsv, sessionJson } from "../../src/serve/page/tables.js";

const FOLDER = join(import.meta.dirname!, "..", "..", "src", "serve", "page");
const DECISION = {
  image: { value: 2, from: "normal-quantile", at: 0.95, images: 40 },
  pixel: { value: 3, from: "given", images: 0 },
  spread: 0.5,
};
const NOTHING = { image: null, pixel: null, spread: null };
const model = (name: string, decision: typeof DECISION | typeof NOTHING = DECISION) => ({
  ...{ name, method: "knn", category: "nut", image_size: 64, maps: true, decision },
});

/** Numbers from 0 to 1 that are the same each time. */
function random(seed: number): () => number {
  return () => (seed = (seed * 48271) % 0x7fffffff) / 0x7fffffff;
}

/** A result, with a map of `side`² values. */
function scored(score: number, side = 4) {
  const data = new Float32Array(side * side).fill(1);
  data[0] = score;
  const size = { width: 40, height: 20 };
  return { score, ...size, area: { x: 0, y: 0, ...size }, map: { width: side, height: side, data } };
}

Deno.test("the page has all its files, and names no foreign host", async () => {
  const files = await pageFiles(), text = (path: string) => new TextDecoder().decode(files.get(path)!.bytes);
  const sources = (await Array.fromAsync(Deno.readDir(FOLDER))).map(({ name }) => name);
  deepEqual(
    [...files.keys()].sort(),
    [...sources.filter((name) => name !== "types.js"), "scoring.json", "colours.json"].sort(),
  );
  for (const [path, { type }] of files) {
    equal(
      text(path).replace("http://www.w3.org/2000/svg", "").match(/\b(https?:)?\/\/[\w-]+\.\w+/)?.[0],
      undefined,
      path,
    );
    match(type, /^(text\/(html|css|javascript)|application\/json); charset=utf-8$/, path);
    for (const [, , from] of text(path).matchAll(/^(import .*|} )from "\.\/(.+)"/gm)) {
      ok(files.has(from), `${path}: ${from}`);
    }
  }
  const html = text("index.html"), ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  equal(new Set(ids).size, ids.length);
  for (const path of files.keys()) {
    for (const [, id] of text(path).matchAll(/(?<!\.)\bget\("([^"]+)"/g)) {
      ok(ids.includes(id), `${path}: ${id}`);
    }
  }
  deepEqual(JSON.parse(text("scoring.json")), { where: "server" });
});

Deno.test("the page finds the regions that the library finds", () => {
  const next = random(7);
  for (const [width, height] of [[9, 5], [16, 16], [3, 40]]) {
    const map = { width, height, data: Float32Array.from({ length: width * height }, next) };
    for (const area of [{ x: 0, y: 0, width: 64, height: 64 }, { x: 7, y: 3, width: 31, height: 57 }]) {
      for (const threshold of [-1, 0.3, 0.7, 0.95, 2]) {
        deepEqual(regionsOf(map, threshold, area), regionsOfLibrary(map, threshold, area));
      }
    }
  }
});

Deno.test("labels and normalised scores are the library's, and follow a moved threshold", () => {
  const session = new Session([model("a"), model("b", NOTHING)]), file = new Blob();
  const [low, at, high] = [1, 2, 3.5].map((score, i) => {
    const entry = session.add(file, `${i}.png`, "a", false);
    session.finish(entry, scored(score));
    equal(session.label(entry), decide(DECISION as never, score).label);
    equal(session.normalised(entry), decide(DECISION as never, score).normalised);
    return entry;
  });
  equal(session.label(at), "normal"); // only what is above it is anomalous
  const other = session.add(file, "other.png", "b", false);
  session.finish(other, scored(9));
  equal(session.label(other), null);
  session.fail(session.add(file, "broken.png", "a", false), "no image");
  session.add(file, "late.png", "a", false);
  deepEqual(session.counts("a"), { normal: 2, anomalous: 1, undecided: 0, failed: 1, waiting: 1 });
  deepEqual(session.counts("b"), { normal: 0, anomalous: 0, undecided: 1, failed: 0, waiting: 0 });

  session.setThreshold("a", 0.5);
  deepEqual(session.counts("a"), { normal: 0, anomalous: 3, undecided: 0, failed: 1, waiting: 1 });
  session.setThreshold("a", undefined);
  equal(session.label(low), "normal");
  equal(high.found?.regions.length, 1);
  session.setPixelThreshold("a", 4);
  session.findRegions(high);
  deepEqual(high.found, { threshold: 4, count: 0, area: 0, regions: [] });

  const names = (listing: object) =>
    session.list({ show: "all", sort: "oldest", search: "", ...listing }).map(({ name }) => name);
  deepEqual(names({ sort: "highest" }).slice(0, 3), ["other.png", "2.png", "1.png"]);
  deepEqual(names({ sort: "lowest" }).slice(0, 2), ["0.png", "1.png"]); // those without a score last
  deepEqual(names({ sort: "newest" })[0], "late.png");
  deepEqual(names({ show: "anomalous" }), ["2.png"]);
  deepEqual(names({ show: "error" }), ["broken.png"]);
  deepEqual(names({ search: "OTHER" }), ["other.png"]);
});

Deno.test("maps and the camera's pictures are kept of the last ones only", () => {
  const session = new Session([model("a")]), side = 1024; // 4 MiB a map, of 64 MiB
  const entries = Array.from({ length: 40 }, (_, i) => {
    const entry = session.add(new Blob(), `${i}.png`, "a", false);
    session.finish(entry, scored(i, side));
    if (i > 0) session.use(session.entries[0]); // looked at again and again
    return entry;
  });
  const kept = entries.filter(({ scored }) => scored?.map);
  equal(kept.length, 16);
  ok(kept.includes(entries[0]) && kept.includes(entries[39]));
  equal(entries[1].scored?.score, 1);
  equal(entries[5].found?.count, 1); // what was found in it stays

  const noise = session.add(new Blob(), "noise.png", "a", false), every = scored(9, 64);
  for (let i = 0; i < 4096; i += 2) every.map.data[i] = Math.floor(i / 64) % 2 ? 1 : 9; // points that don't touch
  session.finish(noise, every);
  equal(noise.found?.count, 1024);
  equal(noise.found?.regions.length, 100);

  const taken = Array.from({ length: 250 }, (_, i) => session.add(new Blob(), `camera ${i}`, "a", true));
  equal(taken.filter(({ file }) => file).length, 200);
  equal(taken[249].file instanceof Blob, true);
});

Deno.test("the colours' range is that of a sample, and stays small", () => {
  const range = new ColourRange(), next = random(3);
  deepEqual(range.range(null), { low: 0, high: 1 });
  for (let i = 0; i < 300; i++) {
    range.add({ width: 64, height: 64, data: Float32Array.from({ length: 4096 }, next) });
  }
  const { low, high } = range.range(null);
  ok(Math.abs(low - 0.5) < 0.02 && Math.abs(high - 0.999) < 0.002, `${low} ${high}`);
  equal(range.range(2).high, 4 - low); // what stays under the threshold has the weaker half
  const map = { width: 3, height: 1, data: Float32Array.of(-5, 1, 9) };
  const colours = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
  deepEqual([...coloured(map, { low: 0, high: 2 }, colours)], [1, 2, 3, 0, 4, 5, 6, 115, 7, 8, 9, 230]);
});

Deno.test("the session as CSV and JSON", () => {
  const session = new Session([model("a")]);
  session.finish(session.add(new Blob(), 'folder/=1+1 "x".png', "a", false), scored(3.5));
  session.finish(session.add(new Blob(), "=1+1.png", "a", false), scored(1));
  session.fail(session.add(new Blob(), "broken.png", "a", false), "Expected an image,\nbut found none");
  const text = sessionCsv(session), [header, ...rows] = csvRows(text);
  match(text, /^'=1\+1\.png,/m);
  const table = rows.map((row) => Object.fromEntries(row.map((cell, i) => [header[i], cell])));
  deepEqual(table.map((row) => [row.image, row.score, row.label, row.region_count, row.error]), [
    ['folder/=1+1 "x".png', "3.5", "anomalous", "1", ""],
    ["=1+1.png", "1", "normal", "0", ""],
    ["broken.png", "", "", "", "Expected an image,\nbut found none"],
  ]);
  const { models, images } = JSON.parse(sessionJson(session));
  deepEqual(models, [{
    name: "a",
    method: "knn",
    category: "nut",
    decision: DECISION,
    threshold: 2,
    pixel_threshold: 3,
  }]);
  deepEqual(images[0].regions, [{ x: 0, y: 0, width: 10, height: 5, area: 50, peak: 3.5 }]);
  equal(images[2].error, "Expected an image,\nbut found none");
});
