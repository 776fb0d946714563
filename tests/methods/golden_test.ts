/**
 * The methods against NumPy, SciPy, PyTorch and scikit-learn: tests/golden/methods.py.
 *
 * @module
 */
import assert from "node:assert/strict";
import { methods } from "../../src/methods/registry.ts";
import { type MethodName, methodSettings } from "../../src/methods/method.ts";
import { gpu } from "../gpu.ts";
import { hardware } from "../hardware.ts";
import { assertClose, readGolden } from "../reference/backbone.ts";
import { C, features, H, onGpu, pooled, W } from "./made_up.ts";

const golden = Object.fromEntries(
  Object.entries(readGolden("methods.safetensors")).map((
    [name, bytes],
  ) => [name, new Float64Array(bytes.buffer)]),
);
const S = 40;
const train = { features: features("train", 14), pooled: pooled("train whole", 14, 7, 0.9) };
const test = onGpu(gpu, features("test", 3)), whole = pooled("test whole", 3, 7, 0.9);

/** Fits a method with settings of its own, and scores the test images. */
async function run(method: MethodName, given: object, image_size: number, on = gpu) {
  const settings = methodSettings({ method, H, W, C, ...given });
  const fitted = await methods[method].fit(on, train, settings);
  const { maps, scores } = await fitted.score(test, whole, { image_size, image_score: "mean" });
  fitted.release();
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
    const settings = methodSettings({ method: "kde", H, W, C });
    const images = { features: features("train", n), pooled: pooled(`kde train ${n}`, n, width, 0.85) };
    const fitted = await methods.kde.fit(gpu, images, settings);
    const x = gpu.empty([6, H * W, C]);
    const { maps, scores } = await fitted.score(x, pooled(`kde test ${n}`, 6, width, 0.85), {
      image_size: S,
      image_score: "max",
    });
    const { tensors } = await fitted.state(), [bandwidth, components] = golden[`kde.${n}.settings`];
    assert.equal(maps, null);
    assert.equal(tensors.get("components")!.shape[0], components);
    assertNear(tensors.get("bandwidth")!.data, [bandwidth], 1e-6);
    assertNear(scores, golden[`kde.${n}`], 1e-6);
    gpu.release(x);
  }
});

Deno.test("PaDiM over some channels is PaDiM of features that have no others", async () => {
  const d = 4, settings = methodSettings({ method: "padim", H, W, C, padim_channels: d, seed: 3 });
  const fitted = await methods.padim.fit(gpu, train, settings),
    channels = (await fitted.state()).tensors.get("channels")!.data;
  assert.equal(new Set(channels).size, d);
  assert.ok(channels.every((c) => Number.isInteger(c) && c >= 0 && c < C));
  const only = (images: readonly Float32Array[]) =>
    images.map((image) => image.filter((_, i) => channels.includes(i % C)));
  const narrow = await methods.padim.fit(
    gpu,
    { features: only(train.features) },
    methodSettings({ method: "padim", H, W, C: d }),
  );
  const options = { image_size: S, image_score: "max" as const };
  const x = gpu.tensor(only(features("test", 3)).flatMap((image) => [...image]), [3, H * W, d]);
  assert.deepEqual(await fitted.score(test, undefined, options), await narrow.score(x, undefined, options));
  const other = await methods.padim.fit(gpu, train, { ...settings, seed: 4 });
  assert.notDeepEqual((await other.state()).tensors.get("channels")!.data, channels);
});

Deno.test("the whole image's maximum is PaDiM's score", async () => {
  const fitted = await methods.padim.fit(gpu, train, methodSettings({ method: "padim", H, W, C }));
  const { maps, scores } = await fitted.score(test, undefined, { image_size: S, image_score: "max" });
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
