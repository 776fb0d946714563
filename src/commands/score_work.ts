/**
 * Scoring many images, or whatever appears in folders. Memory holds one batch of maps, however many images there are: rows go
 * to a file as they come (score_folder.ts). Pictures are drawn at once where the pixel threshold says what colours mean;
 * else all share one range of colours (heatmap.ts), and the maps wait in a file until it is known.
 *
 * @module
 */
import { join } from "node:path";
import type { FloatMap } from "../data/float_map.ts";
import { areaIn, STRETCH } from "../data/frame.ts";
import type { Preview } from "../data/images.ts";
import { mapWithin } from "../data/mask_cells.ts";
import { InputError } from "../errors.ts";
import { isThere, writeWhole } from "../host/files.ts";
import { files } from "../host/image_files.ts";
import { longestSide } from "../host/image_job.ts";
import { ImageThreads } from "../host/image_threads.ts";
import { FolderWatch } from "../host/watch.ts";
import type { Threshold } from "../methods/decision.ts";
import { RangeSample, sharedRange } from "../report/heatmap.ts";
import { printable } from "../report/printable.ts";
import { regionsOf } from "../score/regions.ts";
import { type ScoredImage, scoreImages, type Scorer } from "../score/score.ts";
import type { ProgressDisplay } from "./progress.ts";
import { commonFolder, drawPicture, PictureNames, pictureNames } from "./results.ts";
import { HEATMAPS, isFinished, ScoreFolder, type ScoreState, settle, UNFINISHED } from "./score_folder.ts";
import { FORMATS, rowsIn, type ScoreRow, type Tally } from "./score_rows.ts";

/** Pixels a side of pictures, and of maps that are kept for nothing else, at most. */
const DRAWN = 1024;

/** How to score, as the command line has it. */
export interface ScoreOptions {
  /** The folder of the results. */
  out: string;
  /** How rows are written. */
  format: keyof typeof FORMATS;
  /** What pictures are drawn of; all by default. */
  only?: "anomalous";
  /** Whether to go on with what an earlier call left. */
  resume?: true;
  /** Whether to stop at the first image that can't be read. */
  strict?: true;
}

/** What scoring goes by. */
export interface Task {
  /** What scores. */
  model: Scorer;
  /** How. */
  options: ScoreOptions;
  /** What is told of it. */
  display: Pick<ProgressDisplay, "onProgress" | "warn">;
  /** Given every row. */
  tally: Tally;
  /** What has to be the same to go on. */
  state: ScoreState;
  /** Ends the work early, with an AbortError. */
  signal?: AbortSignal;
  /** What draws, and has images; without, all is done here. */
  threads?: ImageThreads | null;
}

/** Scores images, and leaves the results in --out. */
export async function scoreAll(task: Task, paths: readonly string[]): Promise<void> {
  const { model, options: { out, resume = false }, display, tally, state } = task;
  await settle(out);
  if (resume && await isFinished(out, state)) {
    const format = FORMATS[state.rows];
    for await (const { row } of rowsIn(join(out, format.file), format)) tally.add(row);
    return display.warn(`all images are in ${join(out, format.file)} already`);
  }
  using folder = await ScoreFolder.open(out, state, { resume, watch: false }, (row) => {
    const image = paths[tally.images];
    if (row.image === image) return tally.add(row);
    throw new InputError(
      `Expected ${image} in row ${tally.images + 1} of ${join(out, UNFINISHED)}, but found ${row.image}`,
    );
  });
  const names = state.heatmaps === "none" ? [] : pictureNames(paths),
    first = tally.images,
    left = paths.slice(first);
  // --only draws few: their images are read once more then.
  using threads = left.length >= WORTH_THREADS
    ? new ImageThreads(state.heatmaps === "at once" && !task.options.only)
    : null;
  const onImage = (done: number) => {
    const count = { done: first + done, total: paths.length, unit: "images" };
    display.onProgress({ phase: "scoring", ...count, images: done });
  };
  const range = rangeAround(model.decision.pixel);
  const source = threads ? { ...model.source, images: threads } : model.source;
  const own: Task = { ...task, model: { ...model, source }, threads };
  await inTurns(async (later) => {
    let next = first;
    const take = async (row: ScoreRow, map: FloatMap | null, preview?: Promise<Preview>): Promise<void> => {
      next++;
      const drawn = row.heatmap && range ? draw(own, folder, row, map!, range, preview) : true;
      await later(drawn, async (isDrawn) => {
        if (!isDrawn) row.heatmap = null;
        await folder.add(row, map);
        tally.add(row);
      });
    };
    await scoreEach(own, left, () => names[next], take, { onImage });
  });
  const undrawn = state.heatmaps === "in the end" ? await drawAll(own, folder) : new Set<string>();
  if (state.maps) await folder.writeMaps(paths, model.source.image_size);
  await folder.finish(undrawn);
}

/** Images from which on threads are worth their start, and pictures that are drawn and written at a time. */
const WORTH_THREADS = 8, DRAWN_AT_ONCE = 8;

/**
 * Does work that ends at some time or other, a few pieces of it at once, and what comes after each in the order they came in.
 * Behind one that fails nothing comes any more, as rows have to be without gaps.
 */
async function inTurns(
  work: (
    later: <T>(begun: Promise<T> | T, then: (value: T) => void | Promise<void>) => Promise<void>,
  ) => Promise<void>,
): Promise<void> {
  const queue: { begun: unknown; end: () => Promise<void> }[] = [];
  let hasFailed = false;
  const drain = async (most: number): Promise<void> => {
    for (; queue.length > most && !hasFailed; queue.shift()) {
      try {
        await queue[0].end();
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  try {
    await work(async (begun, then) => {
      if (begun instanceof Promise) begun.catch(() => {}); // it is told in its turn
      queue.push({ begun, end: async () => await then(await begun) });
      await drain(DRAWN_AT_ONCE);
    });
    await drain(0);
  } catch (error) {
    await drain(0).catch(() => {}); // the first error is the one to tell
    throw error;
  } finally {
    await Promise.allSettled(queue.map(({ begun }) => begun)); // nothing is written any more behind it
  }
}

/** Scores what is in folders and what appears in them, until the signal. @param print given every row */
export async function watchFolders(
  task: Task,
  folders: readonly string[],
  signal: AbortSignal,
  print: (row: ScoreRow) => void,
): Promise<void> {
  const { model, options: { out, resume = false }, display, tally, state } = task,
    range = rangeAround(model.decision.pixel);
  await settle(out);
  const told: string[] = [],
    names = new PictureNames(commonFolder(folders.map((folder) => join(folder, "image"))));
  using folder = await ScoreFolder.open(out, state, { resume, watch: true }, (row) => {
    tally.add(row);
    told.push(row.image);
    if (row.heatmap) names.add(row.image);
  });
  const watch = new FolderWatch(folders, told, {
    except: out,
    onWarning: (message) => display.warn(printable(message)),
  });
  const take = async (row: ScoreRow, map: FloatMap | null): Promise<void> => {
    const colours = range ?? (map && sharedRange(map.data));
    if (row.heatmap && !await draw(task, folder, row, map!, colours!)) row.heatmap = null;
    await folder.add(row, map);
    tally.add(row);
    print(row);
  };
  const again = (path: string) => watch.again(path);
  display.warn(`watching ${folders.join(", ")}; Ctrl-C ends it`);
  for (let paths; (paths = await watch.next(signal)).length > 0;) {
    await scoreEach(task, paths, (path) => names.add(path), take, { again });
  }
}

/**
 * Scores images one after another, those that can't be read among them.
 *
 * @param nameOf a picture's name for an image
 * @param take given a row for each, with its map where there is one
 */
async function scoreEach(
  { model, options: { only, strict, format }, state, signal }: Task,
  paths: readonly string[],
  nameOf: (path: string) => string,
  take: (row: ScoreRow, map: FloatMap | null, preview?: Promise<Preview>) => Promise<void>,
  { onImage, again }: { onImage?: (done: number) => void; again?: (path: string) => boolean },
): Promise<void> {
  const nothing = { score: null, label: null, normalised: null, heatmap: null };
  const onError = async (image: string, error: InputError): Promise<void> => {
    if (again?.(image)) return;
    if (strict) throw error;
    await take({ image, ...nothing, error: error.message }, null);
  };
  for await (const scored of scoreImages(model, paths, { onImage, signal, onError })) {
    const { path: image, score, label, normalised, map, preview } = scored;
    const isDrawn = map && state.heatmaps !== "none" && (!only || label === only);
    const heatmap = isDrawn ? `${HEATMAPS}/${nameOf(image)}` : null;
    const regions = format === "jsonl" && regionsIn(scored, model);
    const kept = map && !state.maps ? mapWithin(map, DRAWN) : map;
    await take({ image, score, label, normalised, heatmap, ...regions, error: null }, kept, preview);
  }
}

/** What of an image is above the pixel threshold; null where that is not known. */
function regionsIn(
  { map, area }: ScoredImage,
  { decision: { pixel } }: Scorer,
): Pick<ScoreRow, "regions"> | null {
  return map && pixel && { regions: regionsOf(map, pixel.value, area) };
}

/** The range of colours around a threshold, which has the middle one; null without. */
function rangeAround(pixel: Threshold | null): { low: number; high: number } | null {
  if (pixel === null) return null;
  const around = Math.abs(pixel.value) / 2 || 1;
  return { low: pixel.value - around, high: pixel.value + around };
}

/** Draws all pictures that are not there yet. @returns those whose image can't be read any more */
async function drawAll(task: Task, folder: ScoreFolder): Promise<Set<string>> {
  const { display, tally, signal } = task, undrawn = new Set<string>();
  let values = 0, done = 0;
  for await (const { row, map } of folder.all()) if (row.heatmap) values += map!.width * map!.height;
  const sample = new RangeSample(values);
  for await (const { row, map } of folder.all()) {
    signal?.throwIfAborted();
    if (row.heatmap) sample.add((await map!.read()).data);
  }
  const range = values > 0 ? sample.range() : null;
  await inTurns(async (later) => {
    for await (const { row, map } of folder.all()) {
      signal?.throwIfAborted();
      display.onProgress({ phase: "heat maps", done: ++done, total: tally.images, unit: "images" });
      const { heatmap } = row;
      if (!heatmap || await isThere(join(folder.folder, heatmap))) continue;
      await later(draw(task, folder, row, await map!.read(), range!), (isDrawn) => {
        if (!isDrawn) undrawn.add(heatmap);
      });
    }
  });
  return undrawn;
}

/**
 * Draws a picture.
 *
 * @param preview what it is drawn on, where it is on its way
 * @returns false where the image can't be read any more
 */
async function draw(
  { model, display, threads }: Task,
  { folder }: ScoreFolder,
  { image: path, heatmap }: ScoreRow,
  map: FloatMap,
  range: { low: number; high: number },
  preview?: Promise<Preview>,
): Promise<boolean> {
  const shades = { ...range, threshold: model.decision.pixel?.value };
  const { image_size: S, framing = STRETCH } = model.source;
  let picture: Uint8Array;
  try {
    const seen = threads && await (preview ?? threads.preview(path, S, longestSide(S, map)));
    const isPart = framing.roi !== null || framing.fit === "crop";
    const area = isPart
      ? areaIn(seen?.whole ?? await (await files.open(path)).size(), framing, path)
      : undefined;
    picture = threads
      ? await threads.draw({ preview: seen!, map, area, shades })
      : await drawPicture({ path, map, area }, S, shades);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    display.warn(printable(`no heat map: ${error.message}`));
    return false;
  }
  await writeWhole(join(folder, heatmap!), (write) => write(picture));
  return true;
}
