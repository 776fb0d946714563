/**
 * The methods against NumPy, SciPy, PyTorch and scikit-learn: tests/golden/methods.py.
 *
 * @module
 */
import assert from "node:assert/strict";
import { methodNamed } from "../../src/methods/registry.ts";
import type { Value } from "../../src/methods/settings.ts";
import { gpu } from "../gpu.ts";
import { hardware } from "../hardware.ts";
import { assertClose, readGolden } from "../reference/backbone.ts";
import { C, features, H, learned, onGpu, pooled, settingsOf, W } from "./made_up.ts";

const golden = Object.fromEntries(
  Object.entries(readGolden("methods.safetensors")).map((
    [name, bytes],
  ) => [name, new Float64Array(bytes.buffer)]),
);
const S = 40;
const train = { features: features("train", 14), pooled: pooled("train whole", 14, 7, 0.9) };
const test = onGpu(gpu, features("test", 3)), whole = pooled("test whole", 3, 7, 0.9);

/** Lets a method learn with settings of its own, and scores the test images. */
async function run(name: string, given: Record<string, Value>, image_size: number, on = gpu) {
  const method = methodNamed(name),
    settings = settingsOf(method, { image_size, image_score: "mean", ...given });
  using fitted = await learned(method, train, { settings, on });
  const { maps, scores } = await fitted.score(test, whole, settings);
  return { maps: maps!, scores };
}

function assertNear(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(found[i] - wanted[i]);
    assert.ok(error <= tolerance * Math.abs(wanted[i]), `${i}: ${found[i]}, expected ${wanted[i]}`);
  }
}

Deno.test("Mahalanobis distances are SciPy's", async () => {
  for (const on of [gpu, hardware]) {
    const { maps, scores } = await run("mahalanobis", {}, H, on); // a map of the features' size is the positions' scores
    assertNear(maps, golden.mahalanobis, 1e-5);
    const means = [0, 1, 2].map((b) =>
      golden.mahalanobis.subarray(b * H * W, (b + 1) * H * W).reduce((a, v) => a + v / (H * W), 0)
    );
    assertNear(scores, means, 1e-5);
  }
});

Deno.test("PaDiM's distances and smoothed maps are NumPy's and SciPy's", async () => {
  for (const on of [gpu, hardware]) {
    assertNear((await run("padim", { padim_channels: C, sigma: 0 }, H, on)).maps, golden.padim, 1e-4);
    assertNear((await run("padim", { padim_channels: C }, S, on)).maps, golden["padim.maps"], 1e-4);
  }
});

Deno.test("PatchCore's maps and weighted image scores are those of PyTorch and SciPy", async () => {
  for (const on of [gpu, hardware]) {
    const { maps, scores } = await run("patchcore", { coreset: 1 }, S, on);
    assertNear(maps, golden["patchcore.maps"], 1e-5);
    assertNear(scores, golden["patchcore.scores"], 1e-5);
  }
});

Deno.test("SPADE's maps and image scores are SciPy's", async () => {
  for (const on of [gpu, hardware]) {
    const { maps, scores } = await run("spade", { neighbours: 5 }, S, on);
    assertNear(maps, golden["spade.maps"], 1e-5);
    assertNear(scores, golden["spade.scores"], 1e-5);
  }
});

Deno.test("KDE's scores, components and bandwidth are scikit-learn's", async () => {
  for (const [n, width] of [[60, 20], [25, 40]]) {
    const kde = methodNamed("kde"), settings = settingsOf(kde, { image_size: S });
    const images = { features: features("train", n), pooled: pooled(`kde train ${n}`, n, width, 0.85) };
    using fitted = await learned(kde, images);
    const x = gpu.empty([6, H * W, C]);
    const { maps, scores } = await fitted.score(x, pooled(`kde test ${n}`, 6, width, 0.85), settings);
    const { tensors } = await fitted.state(), [bandwidth, components] = golden[`kde.${n}.settings`];
    assert.equal(maps, null);
    assert.equal(tensors.get("components")!.shape[0], components);
    assertNear(tensors.get("bandwidth")!.data, [bandwidth], 1e-6);
    assertNear(scores, golden[`kde.${n}`], 1e-6);
    gpu.release(x);
  }
});

const padim = methodNamed("padim");

Deno.test("PaDiM over some channels is PaDiM of features that have no others", async () => {
  const d = 4, settings = settingsOf(padim, { image_size: S, padim_channels: d, seed: 3 });
  using fitted = await learned(padim, train, { settings });
  const channels = (await fitted.state()).tensors.get("channels")!.data;
  assert.equal(new Set(channels).size, d);
  assert.ok(channels.every((c) => Number.isInteger(c) && c >= 0 && c < C));
  const only = (images: readonly Float32Array[]) =>
    images.map((image) => image.filter((_, i) => channels.includes(i % C)));
  using narrow = await learned(padim, { features: only(train.features), pooled: [] });
  const x = gpu.tensor(only(features("test", 3)).flatMap((image) => [...image]), [3, H * W, d]);
  assert.deepEqual(await fitted.score(test, [], settings), await narrow.score(x, [], settings));
  using other = await learned(padim, train, { settings: { ...settings, seed: 4 } });
  assert.notDeepEqual((await other.state()).tensors.get("channels")!.data, channels);
});

Deno.test("the whole image's maximum is PaDiM's score", async () => {
  using fitted = await learned(padim, train);
  const { maps, scores } = await fitted.score(test, [], settingsOf(padim, { image_size: S }));
  for (let b = 0; b < 3; b++) {
    assert.equal(scores[b], Math.max(...maps!.subarray(b * S * S, (b + 1) * S * S)));
  }
});

Deno.test("knn's maps are distances to the nearest of all patches", async () => {
  const { maps } = await run("knn", {}, H), test = features("test", 3);
  const wanted = test.flatMap((image) =>
    Array.from({ length: H * W }, (_, p) => {
      let least = Infinity;
      for (const held of train.features) {
        for (let r = 0; r < H * W; r++) {
          let sum = 0;
          for (let c = 0; c < C; c++) sum += (image[p * C + c] - held[r * C + c]) ** 2;
          least = Math.min(least, Math.sqrt(sum));
        }
      }
      return least;
    })
  );
  assertClose(maps, wanted, 1e-6);
});
