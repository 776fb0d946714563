/**
 * Trained methods against their PyTorch twins (tests/golden/twin.py): maps and scores with the same values in the networks, and
 * the losses of five steps from these.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { float32Of } from "../../src/formats/tensor_file.ts";
import type { DataSizes, Run } from "../../src/methods/method.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { resolveSettings } from "../../src/methods/resolve.ts";
import type { Settings, Value } from "../../src/methods/settings.ts";
import type { Sample } from "../../src/methods/trainable.ts";
import type { HostTensor } from "../../src/optim/parameters.ts";
import { fill } from "../fill.ts";
import { filled } from "../golden/features_fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";

const STEPS = 5, BATCH = 4, TRAIN = 8, TEST = 3;

/** What a twin needs besides its file. */
export interface TwinOptions {
  /** The golden files' name; the method's by default. */
  readonly golden?: string;
  /** Labels of the training images, [1] or [N] each; normal by default. */
  readonly label?: (i: number) => Uint8Array;
  /** Whether the golden maps and scores are those after the five steps, with what is measured then. */
  readonly after?: boolean;
  /** Channels of the frozen features. Default 6. */
  readonly C?: number;
  /** Channels of each level of the backbone. Default one level. */
  readonly levels?: readonly number[];
}

/** Fails where the method is not what its twin is. */
export async function checkTwin(name: string, options: TwinOptions = {}): Promise<void> {
  const { golden = name, label = () => new Uint8Array(1), after = false, C: channels = 6 } = options;
  const json = new URL(`../golden/${golden}.json`, import.meta.url);
  const { settings: given, shapes, losses } = JSON.parse(readFileSync(json, "utf8")) as {
    settings: Record<string, Value>;
    shapes: Record<string, number[]>;
    losses: number[];
  };
  const { tensors } = await readSafetensors(json.pathname.replace(/json$/, "safetensors"));
  const method = methodNamed(name), isPixels = method.input === "pixels";
  const chosen = { method: name, backbone: "gabor", shuffle: false, epochs: 3, sigma: 0, ...given };
  const settings: Settings = resolveSettings({ image_score: "mean", ...chosen }, {
    preset: "demo",
    data: "folder",
    weights: false,
  });
  const { image_size: S, feature_size: H } = settings;
  const sizes: DataSizes = isPixels
    ? { images: TRAIN, S, C: 3, H: S, W: S, P: 0, levels: [3] }
    : { images: TRAIN, S, C: channels, H, W: H, P: 0, levels: options.levels ?? [channels] };

  const rows = (what: string, n: number, size: number, low: number, high: number) => {
    const all = fill(what, n * size, low, high);
    return Array.from({ length: n }, (_, i) => all.slice(i * size, (i + 1) * size));
  };
  const imagesOf = (kind: string, n: number) => {
    const pixels = rows(`${kind} images`, n, S * S * 3, 0, 1);
    return { pixels, features: isPixels ? pixels : rows(`${kind} features`, n, H * H * channels, -1, 1) };
  };
  const train = imagesOf("train", TRAIN), test = imagesOf("test", TEST);
  const samples = train.features.map((features, i): Sample => ({
    features,
    pixels: train.pixels[i],
    label: label(i),
  }));
  const values = new Map<string, HostTensor>(
    [...filled(shapes)].map(([name, tensor]) => [name, { shape: tensor.shape, data: float32Of(tensor) }]),
  );

  const found: number[] = [];
  const run: Run = {
    gpu,
    settings,
    sizes,
    init: values,
    images: () => Promise.resolve({ ...train, pooled: [] }),
    trainingSet: () =>
      Promise.resolve({
        normal: train.features,
        pixels: train.pixels,
        steps: TRAIN / BATCH,
        sha256: "",
        batch: (step) =>
          Promise.resolve(Array.from({ length: BATCH }, (_, i) => samples[(step * BATCH + i) % TRAIN])),
      }),
    isResumed: () => Promise.resolve(false),
    async optimize(trainable, set) {
      for (let step = 0; step < STEPS; step++) {
        const batch = await set.batch(step), at = { step, epoch: Math.floor(step / set.steps) + 1 };
        if (step % set.steps === 0) await trainable.beginEpoch?.(at.epoch);
        const [loss] = await gpu.step((scope) => scope.read(trainable.step(scope, batch, at).loss));
        found.push(loss);
      }
    },
    before: () => Promise.reject(new Error("Expected no training before one that is given its values")),
    onProgress: () => {},
  };
  using trained = await method.learn(run);
  const near = (found: number, wanted: number) => Math.abs(found - wanted) <= 1e-3 * Math.abs(wanted);
  assert.ok(
    found.length === STEPS && found.every((loss, i) => near(loss, losses[i])),
    `Expected losses ${losses}, but found ${found}: where the first is another already, look at the forward pass and at what ` +
      "is drawn; else at gradients and the optimizer",
  );
  assert.notEqual(losses[STEPS - 1], losses[0]);

  // What is measured after training is in the golden file where a score depends on it.
  const all = new Map(
    [...values].map(([name, value]) => {
      const stored = tensors.get(name);
      return [name, stored ? { shape: value.shape, data: float32Of(stored) } : value];
    }),
  );
  const state = await trained.state();
  using fitted = await method.open(gpu, after ? state : { model: state.model, tensors: all });
  const shaped = (rows: Float32Array[], shape: readonly number[]) =>
    gpu.tensor(rows.flatMap((row) => [...row]), shape);
  const pixels = shaped(test.pixels, [TEST, S * S, 3]);
  const x = isPixels ? pixels : shaped(test.features, [TEST, H * H, channels]);
  const { maps, scores } = await fitted.score(x, [], settings, pixels);
  for (const [what, values] of Object.entries({ maps, scores })) {
    const wanted = tensors.get(what);
    if (wanted) assertClose(values!, float32Of(wanted), 1e-4, `${golden}'s ${what}:`);
  }
  assert.ok(tensors.has("maps") || tensors.has("scores"), "a forward pass to compare");
  for (const tensor of new Set([pixels, x])) gpu.release(tensor);
}
