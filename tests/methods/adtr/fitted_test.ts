import assert from "node:assert/strict";
import { type AdtrConfig, initialAdtr } from "../../../src/model/adtr.ts";
import { FittedAdtr } from "../../../src/methods/adtr/fitted.ts";
import { type AdtrState, fromState } from "../../../src/methods/adtr/state.ts";
import type { ScoreSettings } from "../../../src/methods/method.ts";
import { transpose } from "../../../src/model/layout.ts";
import { readSafetensors } from "../../../src/host/tensor_files.ts";
import { float32Of } from "../../../src/formats/tensor_file.ts";
import { fill } from "../../fill.ts";
import golden from "../../golden/adtr.json" with { type: "json" };
import { gpu } from "../../gpu.ts";
import { variants } from "../../hardware.ts";
import { assertClose } from "../../reference/backbone.ts";

const file = await readSafetensors(new URL("../../golden/adtr_scores.safetensors", import.meta.url).pathname);
const stored = (name: string): Float32Array<ArrayBuffer> => float32Of(file.tensors.get(name)!);

/** A new model of some sizes, without normalisation or covariance. */
function made(sizes: Partial<AdtrConfig>, rest: Partial<AdtrState> = {}, on = gpu): FittedAdtr {
  const config = { C: 13, H: 3, W: 5, D: 8, A: 2, F: 8, encoder: 1, decoder: 1, dropout: 0.5, ...sizes };
  return new FittedAdtr(on, {
    config,
    parameters: initialAdtr(config, 1),
    normalisation: null,
    covariance: null,
    positions: null,
    ...rest,
  });
}

/** A model that reconstructs zeros whatever it sees, so that features are their own residuals, but for the sign. */
function blind(): FittedAdtr {
  const { config } = made({}).adtr;
  const parameters = initialAdtr(config, 1);
  for (const name of ["output_proj.weight", "output_proj.bias"]) parameters.get(name)!.data.fill(0);
  return made({}, { parameters });
}

/** Stored residuals [n, C, H, W] as the features [n, N, C] that a blind model has them of. */
function featuresOf(name: string): Float32Array<ArrayBuffer>[] {
  const C = 13, N = 15, residuals = stored(name);
  return Array.from({ length: residuals.length / (C * N) }, (_, i) => {
    return transpose(residuals.subarray(i * C * N, (i + 1) * C * N), C, N).map((v) => -v);
  });
}

function tensorOf(images: Float32Array[], N = 15, C = 13) {
  return gpu.tensor(images.flatMap((image) => Array.from(image)), [images.length, N, C]);
}

Deno.test("covariance, maps and scores of stored residuals meet PyTorch's", async () => {
  const fitted = blind(), training = featuresOf("training"), test = tensorOf(featuresOf("residual"));
  await fitted.measureCovariance([4, 4, 2].map((size) => tensorOf(training.splice(0, size))));
  assertClose(fromState(await fitted.state()).covariance!, stored("covariance"), 1e-6);
  const S = golden.scores.S;
  for (const score of ["residual", "residual-mahalanobis"] as const) {
    const name = score === "residual" ? "residual" : "mahalanobis";
    for (const image_score of ["max", "mean"] as const) {
      const { maps, scores } = await fitted.score(test, null, {
        image_size: S,
        sigma: 0,
        score,
        image_score,
      });
      assertClose(maps!, stored(`${name}.map`), 1e-6, `${name} maps:`);
      assertClose(scores, stored(`${name}.${image_score}`), 1e-6, `${name} ${image_score}:`);
    }
  }
});

Deno.test("a covariance that is small beside the residuals' mean is not lost", async () => {
  const fitted = blind(), { C, H, W } = fitted.adtr.config, rows = 4 * H * W;
  const features = fill("features", rows * C).map((v, i) => 50 + i % C + 0.01 * v);
  await fitted.measureCovariance([0, 1].map((half) => {
    return gpu.tensor(features.subarray(half * features.length / 2, (half + 1) * features.length / 2), [
      2,
      H * W,
      C,
    ]);
  }));
  const mean = Array.from({ length: C }, (_, c) => {
    return features.reduce((sum, v, i) => i % C === c ? sum + v / rows : sum, 0);
  });
  const covariance = new Float64Array(C * C);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < C; i++) {
      for (let j = 0; j < C; j++) {
        covariance[i * C + j] += (features[r * C + i] - mean[i]) * (features[r * C + j] - mean[j]) / rows;
      }
    }
  }
  let trace = 0;
  for (let i = 0; i < C; i++) trace += covariance[i * (C + 1)];
  for (let i = 0; i < C; i++) covariance[i * (C + 1)] += 0.1 * trace / C;
  assertClose(fromState(await fitted.state()).covariance!, covariance, 1e-5);
});

Deno.test("a covariance in the model's state does what a measured one does", async () => {
  const features = fill("features", 2 * 15 * 13);
  const options: ScoreSettings = {
    sigma: 0,
    image_size: 20,
    score: "residual-mahalanobis",
    image_score: "mean",
  };
  const measured = made({}), x = gpu.tensor(features, [2, 15, 13]);
  await assert.rejects(() => measured.score(x, null, options), {
    name: "InputError",
    message: "Expected a model with the covariance of its training residuals, but found none in it",
  });
  await measured.measureCovariance([gpu.tensor(features, [2, 15, 13])]);
  const first = await measured.score(x, null, options);
  assert.deepEqual(
    await new FittedAdtr(gpu, fromState(await measured.state())).score(x, null, options),
    first,
  );
  await measured.measureCovariance([gpu.tensor(features.map((v) => 2 * v), [2, 15, 13])]);
  assert.notDeepEqual(await measured.score(x, null, options), first);
});

/** √(xᵀ Σ⁻¹ x) in float64. */
function mahalanobis(covariance: Float64Array, x: number[]): number {
  const d = x.length, a = covariance.slice(), y = [...x];
  let square = 0;
  for (let k = 0; k < d; k++) { // elimination; what is left of y is L⁻¹ x, and the pivots are D of Σ = L D Lᵀ
    square += y[k] ** 2 / a[k * d + k];
    for (let i = k + 1; i < d; i++) {
      const factor = a[i * d + k] / a[k * d + k];
      for (let j = k; j < d; j++) a[i * d + j] -= factor * a[k * d + j];
      y[i] -= factor * y[k];
    }
  }
  return Math.sqrt(square);
}

Deno.test("residual-padim is the distance from the training residuals of the same position", async () => {
  const fitted = blind(), training = featuresOf("training"), images = featuresOf("residual");
  const n = training.length, N = 15, C = 13, S = 15;
  await fitted.measurePositions([4, 4, 2].map((size, i) => tensorOf(training.slice(4 * i, 4 * i + size))));
  const { maps } = await fitted.score(tensorOf(images), null, {
    image_size: S,
    sigma: 0,
    image_score: "mean",
    score: "residual-padim",
  });
  const of = (image: Float32Array, p: number) => Array.from(image.subarray(p * C, (p + 1) * C), (v) => -v);
  const wanted = images.map((image) =>
    Array.from({ length: N }, (_, p) => {
      const rows = training.map((values) => of(values, p));
      const mean = Array.from({ length: C }, (_, c) => rows.reduce((sum, row) => sum + row[c] / n, 0));
      const covariance = new Float64Array(C * C);
      for (let i = 0; i < C; i++) {
        for (let j = 0; j < C; j++) {
          for (const row of rows) covariance[i * C + j] += (row[i] - mean[i]) * (row[j] - mean[j]) / (n - 1);
        }
      }
      const trace = mean.reduce((sum, _, c) => sum + covariance[c * (C + 1)], 0);
      for (let c = 0; c < C; c++) covariance[c * (C + 1)] += 0.1 * trace / C;
      return mahalanobis(covariance, of(image, p).map((v, c) => v - mean[c]));
    })
  );
  // The corners of a map with aligned corners are those of the positions.
  const corners = [[0, 0], [S - 1, 4], [S * (S - 1), 10], [S * S - 1, 14]];
  for (const [b, distances] of wanted.entries()) {
    for (const [pixel, position] of corners) {
      const found = maps![b * S * S + pixel];
      assert.ok(
        Math.abs(found / distances[position] - 1) < 1e-4,
        `${found} instead of ${distances[position]}`,
      );
    }
  }
});

Deno.test("features are normalised by the model, and nothing is dropped", async () => {
  const mean = fill("mean", 15 * 13), deviation = fill("deviation", 13, 0.5, 2);
  const raw = fill("raw", 15 * 13), done = raw.map((v, i) => (v - mean[i]) / deviation[i % 13]);
  const options: ScoreSettings = { sigma: 0, image_size: 16, score: "residual", image_score: "max" };
  const normalising = made({}, { normalisation: { mean, deviation } });
  const found = await normalising.score(gpu.tensor(raw, [1, 15, 13]), null, options);
  const wanted = await made({ dropout: 0 }).score(gpu.tensor(done, [1, 15, 13]), null, options);
  assertClose(found.maps!, wanted.maps!, 1e-6);
  assertClose(found.scores, wanted.scores, 1e-6);
});

// Sizes at which a long K meets few rows: 600 channels to whiten, 576 tokens under one head.
for (const [C, H, A] of [[600, 6, 2], [24, 24, 1], [13, 4, 2]]) {
  for (const [kind, on] of Object.entries(variants)) {
    Deno.test(`maps and scores do not depend on the batch: ${C} channels, ${H}×${H}, ${A} heads, ${kind}`, async () => {
      const N = H * H, size = N * C, images = 5, S = 24;
      const features = fill("features", images * size);
      const fitted = made({ C, H, W: H, A }, {}, on);
      await fitted.measureCovariance([gpu.tensor(features, [images, N, C])]);
      for (const score of ["residual", "residual-mahalanobis"] as const) {
        const options: ScoreSettings = { sigma: 0, image_size: S, score, image_score: "max" };
        const together = await fitted.score(gpu.tensor(features, [images, N, C]), null, options);
        for (let i = 0; i < images; i++) {
          const x = gpu.tensor(features.subarray(i * size, (i + 1) * size), [1, N, C]);
          const alone = await fitted.score(x, null, options);
          assert.deepEqual(alone.maps, together.maps!.slice(i * S * S, (i + 1) * S * S));
          assert.equal(alone.scores[0], together.scores[i]);
        }
      }
    });
  }
}

Deno.test("a released model has given everything back", async () => {
  const x = gpu.tensor(fill("features", 15 * 13), [1, 15, 13]);
  const others = gpu.tensor(fill("others", 2 * 15 * 13), [2, 15, 13]);
  const { inUse } = gpu.memory.stats();
  const fitted = made({});
  await fitted.measureCovariance([others]);
  await fitted.score(x, null, {
    image_size: 16,
    sigma: 0,
    score: "residual-mahalanobis",
    image_score: "max",
  });
  assert.ok(gpu.memory.stats().inUse > inUse);
  fitted[Symbol.dispose]();
  assert.equal(gpu.memory.stats().inUse, inUse);
});
