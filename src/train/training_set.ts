/**
 * What an optimizer step learns from: features of normal images and, for those that learn from labels, of anomalous ones
 * with theirs (docs/method.md §5). What is in which step follows from the settings, the seed and the step's number.
 *
 *     no labels                      the normal images
 *     labelled images                the normal and the labelled ones, each once an epoch
 *     pixels, synthetic anomalies    the normal images, every second of which, in the epoch's order, carries an anomaly;
 *                                    in the next epoch those at the other places
 *     images, irrelevant images      the normal images and as many irrelevant ones, the same in all epochs
 *
 * @module
 */
import type { Anomaly } from "../data/anomalies/anomaly.ts";
import { ANOMALIES } from "../data/anomalies/catalogue.ts";
import { byCodeUnits } from "../by_code_units.ts";
import type { AnomalousImage } from "../data/category.ts";
import { cutMask, insideOf, STRETCH } from "../data/frame.ts";
import { loadFrames, loadPieces } from "../data/load.ts";
import { maskCells } from "../data/mask_cells.ts";
import { InputError } from "../errors.ts";
import { Random } from "../hash.ts";
import type { TrainingImages } from "../methods/method.ts";
import type { Sample, TrainingSet, TrainingSetOptions } from "../methods/trainable.ts";
import {
  extractPieces,
  type FeatureSource,
  inUnit,
  type PieceFeatures,
  pixelFeatures,
  sizesOf,
} from "../score/features.ts";
import { IN_MEMORY, type Keeper } from "../score/kept.ts";
import { sha256OfAll } from "../sha256.ts";

/** What to make a training set of. */
export interface TrainingData extends TrainingSetOptions {
  readonly source: FeatureSource;
  readonly seed: number;
  /** Normal images. */
  readonly normal: readonly string[];
  /** Labelled anomalous images, in the place of synthetic and irrelevant ones where there are any. */
  readonly anomalous: readonly AnomalousImage[];
  /** Irrelevant images, for labels of images. */
  readonly outliers: readonly string[];
  /** How features are kept; in memory by default. */
  readonly keeper?: Keeper;
  /** Called with the number of images whose features are known, and how many there are in all. */
  readonly onImage?: (done: number, total: number) => void;
  /** Ends the work early, with an AbortError. */
  readonly signal?: AbortSignal;
}

/**
 * Makes what every step needs before the first.
 *
 * @throws {InputError} where an image or mask can't be read, a labelled image has no mask that marks something, a normal
 *   one is black and shows no synthetic anomaly, or there are no anomalous images to learn from
 */
export async function openTrainingSet(data: TrainingData): Promise<TrainingSet> {
  const { labels, normal, anomalous } = data;
  if (labels === null) return await passesOver(data, normal.map((path) => ({ path, labels: [NORMAL] })));
  if (anomalous.length > 0) return await labelledSet(data);
  return labels === "pixels" ? await syntheticSet(data) : await irrelevantSet(data);
}

/** Normal images alone, whose features are known already. */
export function normalSet(
  { features, pixels }: Pick<TrainingImages, "features" | "pixels">,
  { keeper = IN_MEMORY, ...order }: Order & Pick<TrainingData, "keeper">,
): Promise<TrainingSet> {
  const samples = keeper.list(
    features.length,
    (i): Sample => ({ features: features[i], pixels: pixels?.[i], label: NORMAL }),
  );
  return onceAnEpoch({ normal: features, pixels }, samples, order);
}

const NORMAL = new Uint8Array(1), ANOMALOUS = new Uint8Array([1]);

interface Labelled {
  path: string;
  /** Of each of its pieces; the same for all where there is one only. */
  labels: readonly Uint8Array[];
}

/** Normal and labelled images in the order of their paths. */
async function labelledSet(data: TrainingData): Promise<TrainingSet> {
  const { source, labels, normal, anomalous, outliers } = data;
  if (outliers.length > 0) {
    source.onWarning?.(`${anomalous.length} labelled anomalous images take the place of the irrelevant ones`);
  }
  const none = labels === "pixels" ? new Uint8Array(sizesOf(source).H ** 2) : NORMAL;
  const images: Labelled[] = normal.map((path) => ({ path, labels: [none] }));
  for (const image of anomalous) {
    images.push({ path: image.path, labels: await labelsOf(image, source, labels === "pixels") });
  }
  return await passesOver(data, images.sort((a, b) => byCodeUnits(a.path, b.path)));
}

/** Where the pieces of an anomalous image are anomalous, or only which of them are. */
async function labelsOf(
  { path, mask }: AnomalousImage,
  source: FeatureSource,
  byPixel: boolean,
): Promise<Uint8Array[]> {
  const { images, image_size: S, framing = STRETCH } = source, { H } = sizesOf(source);
  const isCut = framing.tiles > 0;
  if (!byPixel && !isCut) return [ANOMALOUS];
  if (mask === null) {
    const why = byPixel ? "whose pixels are to be learned from" : "of whose tiles some may be normal";
    throw new InputError(`Expected a mask for ${path}, ${why}, but found none`);
  }
  const [frame] = await loadFrames(images, [path], S, framing), pixels = await images.mask(mask, path);
  const masks = frame.pieces.map((piece) => cutMask(pixels, frame, piece));
  if (!masks.some((mask) => mask.includes(1))) {
    const seen = isCut ? "in what is looked at" : `at ${S}×${S} pixels`;
    throw new InputError(`Expected ${mask} to mark pixels of ${path}, but found none ${seen}`);
  }
  return masks.map((mask) => byPixel ? maskCells(mask, S, H, H) : mask.includes(1) ? ANOMALOUS : NORMAL);
}

/** A normal and an irrelevant image in turn, in random order only where the training shuffles. */
async function irrelevantSet(data: TrainingData): Promise<TrainingSet> {
  const { seed, normal, outliers } = data;
  if (outliers.length === 0) {
    throw new InputError(
      "Expected anomalous images to learn from: irrelevant ones, or folders besides good in train; but found none",
    );
  }
  const known = new Set(normal), both = outliers.find((path) => known.has(path));
  if (both !== undefined) {
    throw new InputError(
      `Expected irrelevant images that are not the normal ones, but found ${both} among both`,
    );
  }
  const picked = new Random(seed, "outliers").permutation(outliers.length);
  const images = normal.flatMap((path, i) => [
    { path, labels: [NORMAL] },
    { path: outliers[picked[i % picked.length]], labels: [ANOMALOUS] },
  ]);
  return await passesOver(data, images);
}

/** Features of all images, each of which comes once an epoch. */
async function passesOver(data: TrainingData, images: readonly Labelled[]): Promise<TrainingSet> {
  const { source, normal, onImage = () => {}, signal, keeper = IN_MEMORY } = data;
  const paths = [...new Set(images.map(({ path }) => path))];
  const pieces = await extractPieces(source, paths, (done) => onImage(done, paths.length), signal, keeper);
  const seen = new Map(paths.map((path): [string, PieceFeatures[]] => [path, []]));
  for (const piece of pieces) seen.get(paths[piece.index])!.push(piece);
  const all = images.flatMap(({ path, labels }) =>
    seen.get(path)!.map((piece, i) => ({ piece, label: labels[i] ?? labels[0] }))
  );
  const samples = keeper.list(all.length, (i): Sample => {
    const { piece: { values: features, pixels }, label } = all[i];
    return { features, pixels, label };
  });
  return await onceAnEpoch(apart(normal.flatMap((path) => seen.get(path)!), data), samples, data);
}

async function onceAnEpoch(
  normal: Pick<TrainingSet, "normal" | "pixels">,
  samples: readonly Sample[],
  order: Order,
): Promise<TrainingSet> {
  return {
    ...normal,
    steps: Math.ceil(samples.length / order.batch_size),
    sha256: await hash(samples),
    batch: (step) => Promise.resolve(rowsOf(step, samples.length, order).map(({ i }) => samples[i])),
  };
}

/** The normal images of a training set. */
function apart(
  pieces: readonly Pick<PieceFeatures, "values" | "pixels">[],
  { source, keeper = IN_MEMORY }: TrainingData,
): Pick<TrainingSet, "normal" | "pixels"> {
  return {
    normal: keeper.list(pieces.length, (i) => pieces[i].values),
    pixels: source.pixels ? keeper.list(pieces.length, (i) => pieces[i].pixels!) : undefined,
  };
}

/** Pieces of normal images, every second of which carries an anomaly: one drawn for it, or any of a pool. */
async function syntheticSet(data: TrainingData): Promise<TrainingSet> {
  const { source, seed, normal, anomalies = "confetti", anomaly_pool = 0, onImage = () => {}, signal } = data;
  const { keeper = IN_MEMORY } = data, { keep, list } = keeper;
  const { image_size: S, framing = STRETCH } = source, total = normal.length + anomaly_pool;
  const { H } = sizesOf(source), pixelsOf = (image: Uint8Array) => source.pixels ? inUnit(image) : undefined;
  const pieces = await extractPieces(source, normal, (done) => onImage(done, total), signal, keeper);
  const pictures: (() => Uint8Array<ArrayBuffer>)[] = [], plain = new Set<number>();
  const drawOn = (i: number, stream: string): Anomaly => {
    const picture = pictures[i]();
    if (plain.has(i)) return { image: new Uint8Array(picture), mask: new Uint8Array(S * S) };
    const drawn = ANOMALIES[anomalies](picture, S, new Random(seed, stream));
    insideOf(pieces[i].frame, pieces[i].piece)?.forEach((on, pixel) => {
      if (on > 0) return; // nothing is looked at there
      drawn.mask[pixel] = 0;
      for (let at = 3 * pixel; at < 3 * pixel + 3; at++) drawn.image[at] = picture[at];
    });
    return drawn;
  };
  for await (const loaded of loadPieces(source.images, normal, S, framing)) {
    signal?.throwIfAborted();
    if ("error" in loaded) throw loaded.error;
    const { index } = loaded, picture = new Uint8Array(await loaded.pixels());
    const i = pictures.push(keep(picture)) - 1;
    if (picture.some((value) => value > 0)) continue;
    try {
      drawOn(i, "black");
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      plain.add(i);
      if (framing.tiles > 0) continue; // others of its image may not be
      throw new InputError(
        `Expected normal images that ${anomalies} shows on, but found ${normal[index]}, which is black`,
      );
    }
  }
  const count = pictures.length;
  if (plain.size === count) {
    throw new InputError(`Expected normal images that ${anomalies} shows on, but found black ones only`);
  }

  /** Draws anomalies on images, each of a stream of random numbers of its own. */
  const draw = async (wanted: { i: number; stream: string }[], keep: boolean): Promise<Sample[]> => {
    const drawn = wanted.map(({ i, stream }) => drawOn(i, stream));
    const values = await pixelFeatures(source, drawn.map(({ image }) => image), keep);
    return drawn.map(({ image, mask }, j) => ({
      features: values[j],
      pixels: pixelsOf(image),
      label: maskCells(mask, S, H, H),
    }));
  };
  const drawn: (() => Sample)[] = [];
  while (drawn.length < anomaly_pool) {
    signal?.throwIfAborted();
    const some = Math.min(POOLED, anomaly_pool - drawn.length), first = drawn.length;
    const wanted = Array.from({ length: some }, (_, j) => first + j);
    const samples = await draw(wanted.map((j) => ({ i: j % count, stream: `pool ${j}` })), true);
    drawn.push(...samples.map((sample) => keptSample(sample, keeper)));
    onImage(normal.length + drawn.length, total);
  }
  const pool = list(drawn.length, (i) => drawn[i]());
  const samples = list(count, (i): Sample => ({
    features: pieces[i].values,
    pixels: pixelsOf(pictures[i]()),
    label: new Uint8Array(H * H),
  }));
  return {
    normal: list(count, (i) => samples[i].features),
    pixels: source.pixels ? list(count, (i) => samples[i].pixels!) : undefined,
    steps: Math.ceil(count / data.batch_size),
    sha256: await hash(samples, pool),
    async batch(step) {
      const rows = rowsOf(step, count, data), random = new Random(seed, `anomalies ${step}`);
      const carries = rows.map(({ epoch, at }) => (epoch + at) % 2 === 1);
      const wanted = rows.filter((_, j) => carries[j]);
      const anomalous = pool.length > 0
        ? wanted.map(() => pool[random.below(pool.length)])
        : await draw(wanted.map(({ i }) => ({ i, stream: `anomaly ${step} ${i}` })), false);
      return rows.map(({ i }, j) => carries[j] ? anomalous.shift()! : samples[i]);
    },
  };
}

/** A sample, to be had again and again. */
function keptSample({ features, pixels, label }: Sample, { keep }: Keeper): () => Sample {
  const [readFeatures, readPixels] = [keep(features), pixels && keep(pixels)];
  return () => ({ features: readFeatures(), pixels: readPixels?.(), label });
}

/** Anomalous images that are drawn and go through the backbone together. */
const POOLED = 16;

/** What decides about the order of images. */
type Order = Pick<TrainingData, "batch_size" | "shuffle" | "seed">;

/** Which of `size` images are in a step: the image, the epoch from 0 on, and the place in the epoch's order. */
function rowsOf(
  step: number,
  size: number,
  { batch_size, shuffle, seed }: Order,
): { i: number; epoch: number; at: number }[] {
  const perEpoch = Math.ceil(size / batch_size), epoch = Math.floor(step / perEpoch);
  const first = step % perEpoch * batch_size, count = Math.min(batch_size, size - first);
  const order = shuffle ? new Random(seed, `order ${epoch}`).permutation(size) : null;
  return Array.from({ length: count }, (_, j) => first + j).map((at) => ({
    i: order?.[at] ?? at,
    epoch,
    at,
  }));
}

function hash(...lists: (readonly Sample[])[]): Promise<string> {
  return sha256OfAll(function* () {
    for (const samples of lists) {
      for (const { features, pixels, label } of samples) {
        yield features;
        if (pixels) yield pixels;
        yield new Uint8Array(label);
      }
    }
  }());
}
