/**
 * Frozen features of images: from the cache where they are known, else through the backbone.
 *
 * @module
 */
import { InputError, SettingError } from "../errors.ts";
import { type Framing, STRETCH } from "../data/frame.ts";
import type { Images } from "../data/images.ts";
import { type LoadedPiece, loadFrames, loadPieces, type PlacedPiece, type Unreadable } from "../data/load.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Backbone } from "../model/backbone.ts";
import type { FeatureSizes } from "../model/batches.ts";
import type { DataSizes, MethodTraits } from "../methods/method.ts";
import { project, type Projection } from "../methods/projection.ts";
import { sha256 } from "../sha256.ts";
import { ahead } from "./ahead.ts";
import { IN_MEMORY, type Keeper } from "./kept.ts";

/** Where features are kept between runs. A store that can't keep or find any costs time, and never throws for it. */
export interface FeatureStore {
  /** What was kept under a key, unchanged; null where nothing is. */
  get(key: string): Promise<Float32Array<ArrayBuffer> | null>;
  /** Whether something is kept under a key, where that is known more cheaply than by getting it. */
  has?(key: string): Promise<boolean>;
  /** Keeps values under a key. */
  put(key: string, values: Float32Array<ArrayBuffer>): Promise<void>;
}

/** What makes features of images. */
export interface FeatureSource {
  /** Where the images are that it is asked for by name. */
  images: Images;
  /** The device that the backbone was opened on. */
  gpu: Gpu;
  /** The frozen network; null for pixels in the place of features, [S · S, 3] in 0..1. */
  backbone: Backbone | null;
  /** S */
  image_size: number;
  /** How images are looked at; whole and stretched by default. */
  framing?: Framing;
  /** H = W */
  feature_size: number;
  /** Whether an image's features [N, C] are followed by those of it as a whole, [P]; not so by default. */
  pooled?: boolean;
  /** Whether pixels come beside features; not so by default. */
  pixels?: boolean;
  /** Where features are kept between runs, as the backbone makes them; null for nowhere. */
  cache: FeatureStore | null;
  /** Whether they are brought to length 1, at each position and as a whole; not so by default. */
  feature_length?: "own" | "unit";
  /** What they are brought down to, after that; nothing by default. */
  projection?: Projection | null;
  /** Told in a sentence what does not end the work, as a cache that can't be used. */
  onWarning?: (message: string) => void;
}

/** Pieces of images that are sent through the backbone together, and that are in memory together beside what is asked for. */
const BATCH = 16, WINDOW = 64;
/** Pieces that are asked for before they are needed: what threads do while the GPU is at a batch, and the one after it. */
const AHEAD = 2 * BATCH;

/** A piece whose features are known. */
export interface PieceFeatures extends PlacedPiece {
  /** [N, C]; with the source's `pooled` [N · C + P]. */
  readonly values: Float32Array<ArrayBuffer>;
  /** With the source's `pixels`, [S · S, 3] in 0..1. */
  readonly pixels?: Float32Array<ArrayBuffer>;
}

/** A source as a method looks at images. */
export function sourceFor(source: FeatureSource, { pooled, input }: MethodTraits): FeatureSource {
  return { ...source, pooled, pixels: input === "both" };
}

/**
 * Features of pieces as they come, in their order. Those that have no key are not looked for in the cache. Of an image that
 * can't be read comes the error, in the place of those of its pieces that are not known; where pixels are wanted, none is.
 *
 * @param signal ends the work early, with an AbortError
 */
export async function* featuresOf(
  source: FeatureSource,
  pieces: AsyncIterable<LoadedPiece | Unreadable> | Iterable<LoadedPiece>,
  signal?: AbortSignal,
): AsyncGenerator<PieceFeatures | Unreadable> {
  const { cache } = keeping(source), keyed = keysOf(source), { image_size: S } = source;
  let window: (Slot | Unreadable)[] = [], missing: { slot: Slot; pixels: Uint8Array }[] = [], unreadable = -1;
  async function* flush(): AsyncGenerator<PieceFeatures | Unreadable> {
    const ready = window, made = missing;
    [window, missing] = [[], []];
    const data = new Uint8Array(made.length * S * S * 3);
    made.forEach(({ pixels }, i) => data.set(pixels, i * S * S * 3));
    const values = made.length > 0 ? await compute(source, data, made.length) : [];
    for (const [i, { slot }] of made.entries()) {
      slot.known = values[i];
      if (slot.key !== null) await cache?.put(slot.key, values[i]);
    }
    for (const slot of ready) {
      if ("error" in slot) yield slot;
      else {
        const { placed, known, pixels } = slot;
        yield { ...placed, values: projected(source, known!), pixels: pixels && inUnit(pixels) };
      }
    }
  }
  async function* looked(): AsyncGenerator<Looked> {
    for await (const piece of pieces) {
      signal?.throwIfAborted();
      if (piece.index === unreadable) continue;
      if ("error" in piece) yield piece;
      else {
        const { key: place, pixels, startPreview, isAhead = false, ...placed } = piece;
        const key = place && cache ? keyed(place) : null;
        const slot: Slot = { placed, key, known: key === null ? null : await cache!.get(key) };
        const started = isAhead && (source.pixels || !slot.known) ? pixels() : null;
        started?.catch(() => {}); // it is told in its turn
        if (startPreview) {
          slot.placed = { ...placed, preview: startPreview() };
          slot.placed.preview!.catch(() => {}); // it is told to who draws
        }
        yield { slot, isAhead, pixels: () => started ?? pixels() };
      }
    }
  }
  for await (const next of ahead(looked(), (next) => "error" in next || next.isAhead ? AHEAD : 0)) {
    signal?.throwIfAborted();
    if ("error" in next) window.push(next);
    else {
      const { slot, pixels } = next;
      try {
        if (source.pixels) slot.pixels = await pixels(); // the cache has none
        if (!slot.known) missing.push({ slot, pixels: slot.pixels ?? await pixels() });
        window.push(slot);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        window.push({ index: unreadable = slot.placed.index, error });
      }
    }
    if (missing.length === BATCH || window.length === WINDOW) yield* flush();
  }
  yield* flush();
}

/** What has been looked for in the cache, and whose pixels are on their way where others make them. */
type Looked = Unreadable | { slot: Slot; isAhead: boolean; pixels: () => Promise<Uint8Array> };

/** A piece whose features are known, or will be when some have come. */
interface Slot {
  placed: PlacedPiece;
  key: string | null;
  known: Float32Array<ArrayBuffer> | null;
  /** RGB [S, S, 3], where they are wanted beside features. */
  pixels?: Uint8Array;
}

/** Bytes as values in 0..1. */
export function inUnit(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bytes, (value) => value / 255);
}

/**
 * Features of a source's images, in the order of `names`, and what they are of.
 *
 * @param onImage called with the number of images done, first with 0
 * @param signal ends the work early, with an AbortError
 * @param keeper how they are kept; in memory by default
 * @throws {InputError} where an image can't be read or is none, naming it
 */
export async function extractPieces(
  source: FeatureSource,
  names: readonly string[],
  onImage: (done: number) => void = () => {},
  signal?: AbortSignal,
  keeper: Keeper = IN_MEMORY,
): Promise<PieceFeatures[]> {
  const features: PieceFeatures[] = [];
  let done = 0;
  onImage(done);
  const pieces = loadPieces(source.images, names, source.image_size, source.framing);
  for await (const piece of featuresOf(source, pieces, signal)) {
    if ("error" in piece) throw piece.error;
    features.push(keeper === IN_MEMORY ? piece : keptPiece(piece, keeper));
    if (piece.isLast) onImage(++done);
  }
  signal?.throwIfAborted();
  return features;
}

/** A piece whose values are read anew each time. */
function keptPiece({ values, pixels, ...placed }: PieceFeatures, { keep }: Keeper): PieceFeatures {
  const [readValues, readPixels] = [keep(values), pixels && keep(pixels)];
  return {
    ...placed,
    get values() {
      return readValues();
    },
    get pixels() {
      return readPixels?.();
    },
  };
}

/**
 * `extractPieces` without what they are of: an image's, or those of its tiles one after the other.
 *
 * @returns [N, C] of each; with the source's `pooled` [N · C + P]
 */
export async function extractFeatures(
  source: FeatureSource,
  names: readonly string[],
  onImage?: (done: number) => void,
  signal?: AbortSignal,
): Promise<Float32Array<ArrayBuffer>[]> {
  return (await extractPieces(source, names, onImage, signal)).map(({ values }) => values);
}

/** How many pieces images have. @throws {InputError} as `loadFrames` */
export async function countPieces(
  { images, image_size, framing = STRETCH }: FeatureSource,
  names: readonly string[],
): Promise<number> {
  if (framing.tiles === 0) return names.length;
  const frames = await loadFrames(images, names, image_size, framing);
  return frames.reduce((sum, { pieces }) => sum + pieces.length, 0);
}

/**
 * Features of images in memory.
 *
 * @param images RGB [S, S, 3] each
 * @param keep whether they shall be looked for in the cache, and be kept there
 * @returns [N, C] of each
 */
export async function pixelFeatures(
  source: FeatureSource,
  images: readonly Uint8Array[],
  keep: boolean,
): Promise<Float32Array<ArrayBuffer>[]> {
  const cache = keep ? keeping(source).cache : null, key = keysOf(source);
  const keys = cache
    ? await Promise.all(images.map(async (image) => key([await sha256(new Uint8Array(image))])))
    : [];
  const features = await Promise.all(images.map(async (_, i) => {
    const known = await cache?.get(keys[i]);
    return known ? projected(source, known) : null;
  }));
  const missing = [...features.keys()].filter((i) => features[i] === null);
  for (let first = 0; first < missing.length; first += BATCH) {
    const batch = missing.slice(first, first + BATCH), area = 3 * source.image_size ** 2;
    const data = new Uint8Array(batch.length * area);
    batch.forEach((i, at) => data.set(images[i], at * area));
    for (const [at, values] of (await compute(source, data, batch.length)).entries()) {
      features[batch[at]] = projected(source, values);
      await cache?.put(keys[batch[at]], values);
    }
  }
  return features as Float32Array<ArrayBuffer>[];
}

/** Sizes of what a source makes. */
export function sizesOf(source: FeatureSource): FeatureSizes & { P: number } {
  const { projection } = source, sizes = ownSizes(source);
  return projection ? { ...sizes, C: projection.matrix.length / projection.mean.length } : sizes;
}

/** How much a source makes of images to learn from. @throws {InputError} as `loadFrames` */
export async function dataSizes(
  source: FeatureSource,
  names: readonly string[],
  components: number,
): Promise<DataSizes> {
  const sizes = sizesOf(source), C = components > 0 ? components : sizes.C;
  const levels = components > 0 ? [C] : source.backbone?.levelChannels ?? [C];
  return { ...sizes, C, images: await countPieces(source, names), S: source.image_size, levels };
}

/** Sizes of what the backbone makes. */
function ownSizes({ backbone, image_size: S, feature_size: H }: FeatureSource): FeatureSizes & { P: number } {
  return backbone
    ? { C: backbone.channels, H, W: H, P: backbone.pooledChannels }
    : { C: 3, H: S, W: S, P: 0 };
}

/** An image's features as a source makes them of the backbone's; what follows those of positions stays as it is. */
export function projected(
  source: FeatureSource,
  values: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const { projection, feature_length = "own" } = source, { C, H, W } = ownSizes(source), length = C * H * W;
  let features = values.subarray(0, length), whole = values.subarray(length);
  if (feature_length === "unit") [features, whole] = [toUnit(features, C), toUnit(whole, whole.length)];
  else if (!projection) return values;
  if (projection) features = project(features, projection);
  const both = new Float32Array(features.length + whole.length);
  both.set(features);
  both.set(whole, features.length);
  return both;
}

/** Rows of C values over their L2 norms; one of zeros stays. */
function toUnit(values: Float32Array, C: number): Float32Array<ArrayBuffer> {
  const unit = Float32Array.from(values);
  for (let at = 0; at < unit.length; at += C) {
    const row = unit.subarray(at, at + C), norm = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0));
    if (norm > 0) { for (let c = 0; c < C; c++) row[c] /= norm; }
  }
  return unit;
}

/** Pixels are had more cheaply from the image than from a store. */
function keeping(source: FeatureSource): Pick<FeatureSource, "cache"> {
  return source.backbone ? source : { cache: null };
}

/** Whether features of the whole image with that SHA-256 are kept, so that it has been decoded before. */
export async function areKept(source: FeatureSource, hash: string): Promise<boolean> {
  return await keeping(source).cache?.has?.(keysOf(source)([hash])) ?? false;
}

/** Part of every key: to be raised when the numbers of the same key change. */
const VERSION = 2;

/** What a source's features are kept under: a text for what tells a piece from others. */
function keysOf(source: FeatureSource): (piece: readonly (string | number)[]) => string {
  const { backbone, image_size, pooled } = source, { C, H, W, P } = ownSizes(source);
  const shape = pooled ? [H * W * C + P] : [H * W, C];
  return ([hash, ...place]) =>
    JSON.stringify([
      VERSION,
      hash,
      backbone?.fingerprint,
      image_size,
      shape,
      ...place.length > 0 ? [place] : [],
    ]);
}

/** Sends a batch through the backbone. @returns [N, C] of each image, or with `pooled` [N · C + P] */
async function compute(
  { gpu, backbone, image_size: S, feature_size: H, pooled }: FeatureSource,
  data: Uint8Array,
  count: number,
): Promise<Float32Array<ArrayBuffer>[]> {
  const parts = backbone === null ? [inUnit(data)] : await gpu.step(async (gpu) => {
    const whole = pooled ? gpu.empty([count, backbone.pooledChannels], "features of whole images") : null;
    const features = backbone.features(gpu, data, count, S, H, H, whole ?? undefined);
    return await gpu.stream.read(...(whole ? [features, whole] : [features]));
  });
  if (backbone?.precision === "f16" && !parts.every((part) => part.every(Number.isFinite))) {
    throw new SettingError(
      `Expected maps of ${backbone.name} up to 65504 with {precision} f16, but found larger ones; {precision} f32 has them`,
    );
  }
  return Array.from({ length: count }, (_, i) => {
    const [values, end] = parts.map((part) =>
      part.subarray(i * part.length / count, (i + 1) * part.length / count)
    );
    if (!end) return values.slice();
    const both = new Float32Array(values.length + end.length);
    both.set(values);
    both.set(end, values.length);
    return both;
  });
}
