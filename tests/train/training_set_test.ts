/**
 * What ADTR+ learns from in each step: which images carry anomalies, with which labels, and what is refused.
 *
 * @module
 */
import { deepEqual, equal, match, notDeepEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { loadImage } from "../../src/data/load.ts";
import { files } from "../../src/host/image_files.ts";
import { maskCells } from "../../src/data/mask_cells.ts";
import { FeatureCache } from "../../src/host/feature_cache.ts";
import {
  extractFeatures,
  type FeatureSource,
  type FeatureStore,
  pixelFeatures,
} from "../../src/score/features.ts";
import type { Sample, TrainingSet, TrainingSetOptions } from "../../src/methods/trainable.ts";
import { openTrainingSet, type TrainingData } from "../../src/train/training_set.ts";
import { maskFile, picture } from "../data/pictures.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { TINY, tinySource } from "./tiny.ts";

const S = TINY.image_size, H = TINY.feature_size, N = H * H, AREA = 3 * S * S;
type Wanted = TrainingSetOptions & { seed: number };
const PX: Wanted = { labels: "pixels", batch_size: 4, shuffle: false, seed: 0 };
const IMG: Wanted = { ...PX, labels: "images" };

/** Features, and the images that they were asked for, in that order. */
function spySource(cache: FeatureStore | null = null): { source: FeatureSource; seen: Uint8Array[] } {
  const source = tinySource(gpu), { backbone } = source, seen: Uint8Array[] = [];
  const features: typeof backbone.features = (on, images, batch, ...sizes) => {
    for (let i = 0; i < batch; i++) seen.push(images.slice(i * AREA, (i + 1) * AREA));
    return backbone.features(on, images, batch, ...sizes);
  };
  return { source: { ...source, cache, backbone: { ...backbone, features } }, seen };
}

/** Writes pictures of S×S pixels. @returns their paths */
async function pictures(folder: string, count: number): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const paths = Array.from({ length: count }, (_, i) => join(folder, `${i}.png`));
  for (const path of paths) {
    await Deno.writeFile(path, picture(path.split(/[\\/]/).slice(-2).join("/"), S, S));
  }
  return paths;
}

function open(normal: string[], wanted: Wanted, options: Partial<TrainingData> = {}) {
  return openTrainingSet({
    ...wanted,
    source: tinySource(gpu),
    normal,
    anomalous: [],
    outliers: [],
    ...options,
  });
}

/** All samples of an epoch, counted from 0, step after step. */
async function epochOf(set: TrainingSet, epoch: number): Promise<Sample[][]> {
  const { steps } = set, batches: Sample[][] = [];
  for (let step = epoch * steps; step < (epoch + 1) * steps; step++) batches.push([...await set.batch(step)]);
  return batches;
}

const isAnomalous = ({ label }: Sample): boolean => label.includes(1);

const withNormal = (name: string, body: (normal: string[], folder: string) => Promise<void>): void =>
  Deno.test(
    name,
    () => inFolder(async (folder) => await body(await pictures(join(folder, "normal"), 7), folder)),
  );

for (const anomalies of ["confetti", "cutpaste", "perlin"] as const) {
  withNormal(`every second image carries ${anomalies}, labelled where it changed`, async (normal) => {
    const { source, seen } = spySource();
    const set = await open(normal, { ...PX, anomalies }, { source });
    const features = await extractFeatures(tinySource(gpu), normal);
    deepEqual([set.steps, set.normal], [2, features]);
    for (const epoch of [0, 1, 2, 3]) {
      seen.length = 0;
      const samples = (await epochOf(set, epoch)).flat();
      equal(samples.length, 7);
      deepEqual(samples.map(isAnomalous), [0, 1, 2, 3, 4, 5, 6].map((i) => (i + epoch) % 2 === 1));
      for (const [i, sample] of samples.entries()) {
        if (!isAnomalous(sample)) {
          deepEqual(sample, { features: features[i], pixels: undefined, label: new Uint8Array(N) });
          continue;
        }
        const drawn = seen.shift()!, before = await loadImage(files, normal[i], S);
        const changed = new Uint8Array(S * S);
        drawn.forEach((value, at) => changed[Math.floor(at / 3)] |= Number(value !== before[at]));
        deepEqual(sample.label, maskCells(changed, S, H, H));
        deepEqual(sample.features, (await pixelFeatures(tinySource(gpu), [drawn], false))[0]);
        notDeepEqual(sample.features, features[i]);
      }
      equal(seen.length, 0);
    }
  });
}

withNormal("anomalies are new in every epoch, and follow from the seed and the step", async (normal) => {
  const set = await open(normal, PX), step = 4; // in the second epoch of four steps
  const again = await open(normal, PX), other = await open(normal, { ...PX, seed: 1 });
  deepEqual(await again.batch(step), await set.batch(step));
  equal(again.sha256, set.sha256);
  const [first, third] = [await epochOf(set, 1), await epochOf(set, 3)].map((epoch) => epoch.flat());
  deepEqual(first.map(isAnomalous), third.map(isAnomalous));
  for (const [i, sample] of first.entries()) {
    if (isAnomalous(sample)) notDeepEqual(sample.features, third[i].features);
  }
  notDeepEqual((await other.batch(step)).find(isAnomalous), (await set.batch(step)).find(isAnomalous));
});

withNormal("in random order, still half of every batch, and every image once an epoch", async (normal) => {
  const { source, seen } = spySource();
  const set = await open(normal, { ...PX, shuffle: true }, { source }), orders: number[][] = [];
  const originals = await Promise.all(normal.map((path) => loadImage(files, path, S)));
  for (const epoch of [0, 1]) {
    seen.length = 0;
    const batches = await epochOf(set, epoch);
    deepEqual(batches.map(({ length }) => length), [4, 3]);
    deepEqual(batches.map((batch) => batch.filter(isAnomalous).length), [2, epoch === 0 ? 1 : 2]);
    const order = batches.flat().map((sample) => {
      if (!isAnomalous(sample)) return set.normal.findIndex((features) => features === sample.features);
      const drawn = seen.shift()!; // most of it is as it was
      const kept = originals.map((file) => file.filter((value, at) => value === drawn[at]).length);
      return kept.indexOf(Math.max(...kept));
    });
    deepEqual(order.toSorted(), [0, 1, 2, 3, 4, 5, 6]);
    orders.push(order);
  }
  notDeepEqual(orders[0], orders[1]);
});

withNormal("a pool is drawn once, and kept; steps take from it", async (normal, folder) => {
  const { source, seen } = spySource(new FeatureCache(join(folder, "cache")));
  const settings = { ...PX, anomaly_pool: 18 }, progress: number[][] = [];
  const set = await open(normal, settings, {
    source,
    onImage: (done, total) => progress.push([done, total]),
  });
  deepEqual(progress.at(-1), [25, 25]);
  const drawn = seen.slice(7);
  equal(drawn.length, 18);
  const pool = await pixelFeatures(tinySource(gpu), drawn, false);
  const taken = new Set<number>();
  for (const epoch of [0, 1, 2, 3, 4, 5]) {
    const samples = (await epochOf(set, epoch)).flat();
    deepEqual(samples.map(isAnomalous), [0, 1, 2, 3, 4, 5, 6].map((i) => (i + epoch) % 2 === 1));
    for (const { features, label } of samples.filter(isAnomalous)) {
      const at = pool.findIndex((values) => values.every((value, i) => value === features[i]));
      const changed = new Uint8Array(S * S), before = await loadImage(files, normal[at % 7], S);
      drawn[at].forEach((value, i) => changed[Math.floor(i / 3)] |= Number(value !== before[i]));
      deepEqual(label, maskCells(changed, S, H, H));
      taken.add(at);
    }
  }
  ok(taken.size > 6, `${[...taken]}`);
  equal(seen.length, 25); // nothing was computed since
  const again = await open(normal, settings, { source });
  equal(seen.length, 25);
  equal(again.sha256, set.sha256);
  deepEqual(await again.batch(1), await set.batch(1));
  notDeepEqual((await open(normal, { ...settings, seed: 1 }, { source })).sha256, set.sha256);
});

withNormal("as many irrelevant images as normal ones, also where there are fewer", async (normal, folder) => {
  for (const count of [12, 7, 3]) {
    const outliers = await pictures(join(folder, `other${count}`), count);
    const set = await open(normal, { ...IMG, batch_size: 14 }, { outliers });
    deepEqual([set.steps, set.normal.length], [1, 7]);
    const epoch = await set.batch(0);
    deepEqual(await set.batch(1), epoch);
    deepEqual(epoch.map(({ label }) => [...label]), Array.from({ length: 14 }, (_, i) => [i % 2]));
    deepEqual(epoch.filter((_, i) => i % 2 === 0).map(({ features }) => features), set.normal);
    const known = await extractFeatures(tinySource(gpu), outliers);
    const times = known.map((values) =>
      epoch.filter(({ features }, i) => i % 2 === 1 && features.every((value, j) => value === values[j]))
        .length
    );
    deepEqual(
      times.toSorted(),
      { 12: [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1], 7: Array(7).fill(1), 3: [2, 2, 3] }[count],
    );
    const short = await open(normal, IMG, { outliers });
    deepEqual((await epochOf(short, 0)).map(({ length }) => length), [4, 4, 4, 2]);
    deepEqual((await epochOf(short, 0)).flat(), epoch);
  }
});

withNormal("only the irrelevant images that are taken are read", async (normal, folder) => {
  const outliers = await pictures(join(folder, "other"), 30), { source, seen } = spySource();
  await open(normal, IMG, { outliers, source });
  equal(seen.length, 14);
});

withNormal(
  "labelled images take the place of synthetic and irrelevant ones, in the order of paths",
  async (normal, folder) => {
    const bad = await pictures(join(folder, "bad"), 3), last = await pictures(join(folder, "z"), 1);
    const areas = [S * S / 2, 1, S * S, 5], masks = areas.map((_, i) => join(folder, `${i}_mask.png`));
    for (const [i, area] of areas.entries()) await Deno.writeFile(masks[i], maskFile(area, S, S));
    const anomalous = [...last, ...bad].map((path, i) => ({ path, mask: masks[i] }));
    const features = await extractFeatures(tinySource(gpu), [...bad, ...normal, ...last]);
    const warnings: string[] = [];
    const source = { ...tinySource(gpu), onWarning: (text: string) => void warnings.push(text) };

    const px = await open(normal, PX, { anomalous, source });
    const labels = [...[1, 2, 3], ...Array(7).fill(null), 0].map((i) => {
      const mask = Uint8Array.from({ length: S * S }, (_, at) => i !== null && at < areas[i] ? 1 : 0);
      return maskCells(mask, S, H, H);
    });
    const samples = (await epochOf(px, 0)).flat();
    deepEqual(
      samples,
      features.map((values, i) => ({ features: values, pixels: undefined, label: labels[i] })),
    );
    deepEqual([px.steps, px.normal], [3, features.slice(3, 10)]);
    deepEqual(warnings, []);

    const outliers = await pictures(join(folder, "other"), 3);
    const img = await open(normal, IMG, {
      anomalous: anomalous.map(({ path }) => ({ path, mask: null })),
      outliers,
      source,
    });
    deepEqual(
      (await epochOf(img, 0)).flat().map(({ label }) => [...label]),
      [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1].map((y) => [y]),
    );
    deepEqual(warnings, ["4 labelled anomalous images take the place of the irrelevant ones"]);
  },
);

withNormal("another label, or another image, is another training set", async (normal, folder) => {
  const [path] = await pictures(join(folder, "bad"), 1), mask = join(folder, "mask.png");
  const hashes = [];
  for (const area of [5, S * S]) {
    await Deno.writeFile(mask, maskFile(area, S, S));
    hashes.push((await open(normal, PX, { anomalous: [{ path, mask }] })).sha256);
  }
  hashes.push((await open(normal, IMG, { anomalous: [{ path, mask }] })).sha256);
  hashes.push((await open([...normal, path], { ...PX, labels: null })).sha256);
  hashes.push((await open(normal, PX)).sha256);
  equal(new Set(hashes).size, 5);
  for (const hash of hashes) match(hash, /^[0-9a-f]{64}$/);
});

withNormal("black images are refused where anomalies don't show on them", async (normal, folder) => {
  const black = join(folder, "normal", "black.png");
  await Deno.writeFile(black, maskFile(0, S, S));
  for (const anomalies of ["confetti", "cutpaste"] as const) {
    for (const anomaly_pool of [0, 3]) {
      await rejects(open([...normal, black], { ...PX, anomalies, anomaly_pool }), {
        name: "InputError",
        message: `Expected normal images that ${anomalies} shows on, but found ${black}, which is black`,
      });
    }
  }
  equal((await open([...normal, black], { ...PX, anomalies: "perlin" })).normal.length, 8);
});

withNormal("it stops when it is told to", async (normal) => {
  for (const settings of [PX, { ...PX, anomaly_pool: 40 }]) {
    const controller = new AbortController();
    const onImage = (done: number) => done > 6 && controller.abort();
    await rejects(open(normal, settings, { signal: controller.signal, onImage }), { name: "AbortError" });
  }
});
