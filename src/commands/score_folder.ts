/**
 * The folder that `score` writes to. Rows go to OUT/unfinished as they come, with what else it takes to go on; when all are
 * there, they take the place of an earlier call's results, which stay until then. With --watch, where no end is known, rows
 * go to OUT itself.
 *
 *     score.json        with what and of what: has to be the same to go on
 *     scores.csv/.jsonl a row an image, in the order of the images
 *     maps              (while unfinished) the maps that are needed in the end
 *     heatmaps/         pictures
 *     maps.safetensors  with --maps
 *
 * @module
 */
import { join } from "node:path";
import type { FloatMap } from "../data/float_map.ts";
import { InputError, shortened } from "../errors.ts";
import { safetensorsHeader } from "../formats/safetensors.ts";
import { stored } from "../formats/tensor_file.ts";
import {
  isThere,
  makeFolder,
  moveFile,
  readWhole,
  reason,
  removeFolder,
  removeIfThere,
  removeUnfinished,
  writeFolder,
  writeWhole,
} from "../host/files.ts";
import { GrowingFile, mapRecord, mapRecords, type StoredMap } from "../host/records.ts";
import { writeJson } from "./results.ts";
import { FORMATS, type RowFormat, rowsIn, type ScoreRow } from "./score_rows.ts";

/** Names of what is written. */
export const HEATMAPS = "heatmaps",
  MAPS = "maps.safetensors",
  UNFINISHED = "unfinished",
  STATE = "score.json";
/** The maps that wait for the end. */
const WAITING = "maps";

/** Of what and with what a call is, as score.json has it. */
export interface ScoreState {
  readonly format: "adtr score 1";
  /** How rows are written. */
  readonly rows: keyof typeof FORMATS;
  /** Whether there is to be maps.safetensors. */
  readonly maps: boolean;
  /** Whether pictures are drawn: at once, in the end when all maps are known, or not at all. */
  readonly heatmaps: "at once" | "in the end" | "none";
  /** The model, its settings, its thresholds, the images. */
  readonly [name: string]: unknown;
}

/** Moves results to their place that a call had ready when it was killed. @param out whose lock the caller holds */
export async function settle(out: string): Promise<void> {
  const begun = join(out, UNFINISHED), state = await readState(begun);
  if (state && !await isThere(join(begun, FORMATS[state.rows].file))) await publish(out, state);
}

/** Whether a folder has all results of such a call already. @throws {InputError} where its score.json is none */
export async function isFinished(out: string, state: ScoreState): Promise<boolean> {
  const earlier = await readState(out);
  return JSON.stringify(earlier) === JSON.stringify(state) &&
    await isThere(join(out, FORMATS[state.rows].file)) &&
    !await isThere(join(out, UNFINISHED));
}

/** A folder at work; what it holds stays when it is disposed of. */
export class ScoreFolder implements Disposable {
  /** Where its files are while there are rows to come. */
  readonly folder: string;
  /** How rows are written. */
  readonly format: RowFormat;
  readonly #out: string;
  readonly #state: ScoreState;
  readonly #rows: GrowingFile;
  readonly #maps: GrowingFile | null;
  #size: { width: number; height: number } | null = null;

  private constructor(
    out: string,
    folder: string,
    state: ScoreState,
    rows: GrowingFile,
    maps: GrowingFile | null,
  ) {
    this.#out = out;
    this.folder = folder;
    this.#state = state;
    this.format = FORMATS[state.rows];
    this.#rows = rows;
    this.#maps = maps;
  }

  /**
   * Begins, or goes on where another call stopped.
   *
   * @param out whose lock the caller holds
   * @param watch whether there is no end
   * @param known told of every row that is there already, in their order
   * @throws {InputError} where there are rows and `resume` is not wanted, or they are of something else
   */
  static async open(
    out: string,
    state: ScoreState,
    { resume, watch }: { resume: boolean; watch: boolean },
    known: (row: ScoreRow) => void,
  ): Promise<ScoreFolder> {
    const format = FORMATS[state.rows], begun = join(out, UNFINISHED), unfinished = await readState(begun);
    if (unfinished && !watch && !resume && await isEmpty(begun, unfinished)) {
      await removeFolder(begun);
    } else if (unfinished && (watch || !resume)) {
      throw new InputError(
        `Expected --out to be a folder without unfinished scores, but found ${begun}.\n` +
          (watch
            ? "The call that left them goes on with --resume."
            : "--resume goes on with them; removing it begins again."),
      );
    }
    const folder = watch ? out : begun, earlier = await readState(folder);
    if (watch && !(resume && earlier)) {
      for (const { file } of Object.values(FORMATS)) {
        if (!await isThere(join(out, file))) continue;
        throw new InputError(
          `Expected --out to be a folder without scores for --watch, but found ${join(out, file)}.\n` +
            "--resume adds to those of an earlier --watch.",
        );
      }
    }
    if (earlier && await isThere(join(folder, format.file))) requireSame(join(folder, STATE), earlier, state);
    else {
      const fill = async (folder: string) => {
        if (state.heatmaps !== "none") await makeFolder(join(folder, HEATMAPS));
        await writeJson(join(folder, STATE), state);
        await writeWhole(join(folder, format.file), (write) => write(new TextEncoder().encode(format.head)));
      };
      await (watch ? fill(out) : writeFolder(begun, "empty", fill));
    }
    if (state.heatmaps !== "none") await removeUnfinished(join(folder, HEATMAPS));
    const { rowsEnd, mapsEnd } = await recover(folder, state, known);
    using stack = new DisposableStack();
    const rows = stack.use(await GrowingFile.open(join(folder, format.file), rowsEnd));
    const maps = state.maps || state.heatmaps === "in the end"
      ? stack.use(await GrowingFile.open(join(folder, WAITING), mapsEnd))
      : null;
    stack.move();
    return new ScoreFolder(out, folder, state, rows, maps);
  }

  /**
   * Adds a row, and keeps its map where it is needed in the end.
   *
   * @throws {InputError} where the disk refuses them, or with --maps the map has another size than those before
   */
  async add(row: ScoreRow, map: FloatMap | null): Promise<void> {
    if (map && this.#state.maps) await this.#requireSize(row.image, map);
    if (map && isKept(this.#state, row)) await this.#maps!.write(mapRecord(map)); // first: rows say how many there are
    await this.#rows.write(new TextEncoder().encode(this.format.line(row)));
  }

  /** All rows, with their maps where these were kept; to be read before the next is asked for. */
  async *all(): AsyncGenerator<{ row: ScoreRow; map: StoredMap | null }> {
    const maps = this.#maps ? mapRecords(join(this.folder, WAITING)) : null;
    try {
      for await (const { row } of rowsIn(join(this.folder, this.format.file), this.format)) {
        yield { row, map: isKept(this.#state, row) ? (await maps!.next()).value!.value : null };
      }
    } finally {
      await maps?.return(undefined);
    }
  }

  /**
   * Writes maps.safetensors: of an image that can't be read, NaN.
   *
   * @param S their sides where there is no map
   */
  async writeMaps(paths: readonly string[], S: number): Promise<void> {
    const { width, height } = await this.#sizeOfMaps() ?? { width: S, height: S };
    const none = new Float32Array(width * height).fill(NaN);
    await writeWhole(join(this.folder, MAPS), async (write) => {
      const header = new Map([["maps", { dtype: "F32" as const, shape: [paths.length, height, width] }]]);
      await write(safetensorsHeader(header, { images: JSON.stringify(paths) }));
      for await (const { map } of this.all()) await write(stored(map ? (await map.read()).data : none).bytes);
    });
  }

  /** @throws {InputError} where a map has another size than those that are there: one tensor is to hold all */
  async #requireSize(image: string, map: FloatMap): Promise<void> {
    const { width, height } = this.#size ??= await this.#sizeOfMaps() ?? map;
    if (map.width === width && map.height === height) return;
    throw new InputError(
      `Expected maps of one size for --maps, but found ${width}×${height} and, of ${image}, ` +
        `${map.width}×${map.height}.\nWithout --maps, images of any size are scored.`,
    );
  }

  /** Size of the first map that is kept; null where none is. */
  async #sizeOfMaps(): Promise<{ width: number; height: number } | null> {
    for await (const { value: { width, height } } of mapRecords(join(this.folder, WAITING))) {
      return { width, height };
    }
    return null;
  }

  /**
   * Puts everything in its place, instead of an earlier call's.
   *
   * @param undrawn pictures that rows name, but could not be drawn in the end
   * @throws {InputError} where the system refuses it
   */
  async finish(undrawn: ReadonlySet<string>): Promise<void> {
    await this.#rows.sync();
    this[Symbol.dispose]();
    if (undrawn.size > 0) await this.#rewriteWithout(undrawn);
    await publish(this.#out, this.#state);
  }

  /** Last of all: other rows say which maps were kept. */
  async #rewriteWithout(undrawn: ReadonlySet<string>): Promise<void> {
    const { format } = this, path = join(this.folder, format.file), utf8 = new TextEncoder();
    await writeWhole(path, async (write) => {
      await write(utf8.encode(format.head));
      for await (const { row } of rowsIn(path, format)) {
        const isDrawn = row.heatmap === null || !undrawn.has(row.heatmap);
        await write(utf8.encode(format.line(isDrawn ? row : { ...row, heatmap: null })));
      }
    });
  }

  [Symbol.dispose](): void {
    this.#rows[Symbol.dispose]();
    this.#maps?.[Symbol.dispose]();
  }
}

/** Whether a folder has no row yet. @throws {InputError} where the system refuses to tell */
async function isEmpty(folder: string, { rows }: ScoreState): Promise<boolean> {
  const path = join(folder, FORMATS[rows].file);
  const { size } = await Deno.stat(path).catch((error) => {
    throw new InputError(`Can't read ${path}: ${reason(error)}`);
  });
  return size <= FORMATS[rows].head.length;
}

/** Whether an image's map is kept for the end. */
function isKept({ maps, heatmaps }: ScoreState, { error, heatmap }: ScoreRow): boolean {
  return error === null && (maps || (heatmaps === "in the end" && heatmap !== null));
}

/** Where whole rows and maps end; a row whose map is missing does not count. */
async function recover(
  folder: string,
  state: ScoreState,
  known: (row: ScoreRow) => void,
): Promise<{ rowsEnd: number; mapsEnd: number }> {
  const format = FORMATS[state.rows], waiting = join(folder, WAITING);
  let rowsEnd = format.head.length, mapsEnd = 0;
  const maps = await isThere(waiting) ? mapRecords(waiting) : null;
  try {
    for await (const { row, end } of rowsIn(join(folder, format.file), format)) {
      if (isKept(state, row)) {
        const map = await maps?.next();
        if (!map || map.done) break;
        mapsEnd = map.value.end;
      }
      rowsEnd = end;
      known(row);
    }
  } finally {
    await maps?.return(undefined);
  }
  return { rowsEnd, mapsEnd };
}

/** Moves what is in OUT/unfinished to OUT, score.json last: what was moved already by a call that was killed stays. */
async function publish(out: string, { rows, maps, heatmaps }: ScoreState): Promise<void> {
  const folder = join(out, UNFINISHED);
  await removeIfThere(join(folder, WAITING));
  const wanted = (name: string): boolean =>
    name === HEATMAPS
      ? heatmaps !== "none"
      : name === MAPS
      ? maps
      : name === FORMATS[rows].file || name === STATE;
  for (const name of [...Object.values(FORMATS).map(({ file }) => file), HEATMAPS, MAPS, STATE]) {
    const from = join(folder, name), to = join(out, name);
    if (wanted(name) && !await isThere(from)) continue;
    await removeFolder(to);
    if (!wanted(name)) continue;
    await moveFile(from, to);
  }
  await removeFolder(folder);
}

/** @returns null where there is none */
async function readState(folder: string): Promise<ScoreState | null> {
  const path = join(folder, STATE);
  if (!await isThere(path)) return null;
  try {
    const state = JSON.parse(new TextDecoder().decode(await readWhole(path)));
    if (state?.format === "adtr score 1" && Object.hasOwn(FORMATS, state.rows)) return state;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new InputError(`Expected ${path} to be what score writes, but found something else`);
}

/** @throws {InputError} where a call is not of the same model, settings and images as the one it is to go on with */
function requireSame(path: string, earlier: ScoreState, now: ScoreState): void {
  for (const name of new Set([...Object.keys(earlier), ...Object.keys(now)])) {
    const [was, is] = [earlier[name], now[name]].map((value) => JSON.stringify(value) ?? "none");
    if (was === is) continue;
    throw new InputError(
      `Expected to go on as in ${path} with ${name} ${shortened(was)}, but found ${shortened(is)}`,
    );
  }
}
