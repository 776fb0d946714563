import assert from "node:assert/strict";
import { Covariance, whitening } from "../../src/model/whitening.ts";
import { fill } from "../fill.ts";
import { assertClose } from "../reference/backbone.ts";

const C = 7;

/** Rows [C] whose channels correlate and are not centred. */
function correlated(rows: number): Float32Array[] {
  const mix = fill("mix", C * C), values = fill("rows", rows * C);
  return Array.from(
    { length: rows },
    (_, r) =>
      Float32Array.from({ length: C }, (_, i) => {
        let sum = 0.3;
        for (let j = 0; j < C; j++) sum += mix[i * C + j] * values[r * C + j];
        return sum;
      }),
  );
}

/** Feeds rows to a covariance, `size` at a time. */
function covarianceOf(rows: Float32Array[], size: number): Float64Array {
  const covariance = new Covariance(C);
  for (let first = 0; first < rows.length; first += size) {
    const part = rows.slice(first, first + size), shift = part[0];
    const sum = new Float64Array(C), products = new Float64Array(C * C);
    for (const d of part) {
      for (let i = 0; i < C; i++) {
        sum[i] += d[i] - shift[i];
        for (let j = 0; j < C; j++) products[i * C + j] += (d[i] - shift[i]) * (d[j] - shift[j]);
      }
    }
    covariance.add(part.length, shift, sum, products);
  }
  return covariance.value();
}

/** Mean of (d − mean)(d − mean)ᵀ, and a tenth of the mean diagonal on the diagonal. */
function plainCovariance(rows: Float32Array[]): number[] {
  const mean = Array.from({ length: C }, (_, i) => rows.reduce((sum, d) => sum + d[i], 0) / rows.length);
  const covariance = Array.from({ length: C * C }, (_, at) => {
    const i = Math.floor(at / C), j = at % C;
    return rows.reduce((sum, d) => sum + (d[i] - mean[i]) * (d[j] - mean[j]), 0) / rows.length;
  });
  const diagonal = Array.from({ length: C }, (_, i) => covariance[i * C + i]).reduce((a, b) => a + b) / C;
  return covariance.map((value, at) => value + (at % (C + 1) === 0 ? 0.1 * diagonal : 0));
}

/** x of A x = b, by Gaussian elimination of a matrix that needs no pivots. */
function solve(A: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const rows = Array.from({ length: C }, (_, i) => [...Array.from(A).slice(i * C, (i + 1) * C), b[i]]);
  for (let k = 0; k < C; k++) {
    for (let i = 0; i < C; i++) {
      if (i === k) continue;
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j <= C; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  return rows.map((row, i) => row[C] / row[i]);
}

Deno.test("the covariance is that of plain loops, however the rows come", () => {
  const rows = correlated(40), wanted = plainCovariance(rows);
  for (const size of [40, 16, 1]) assertClose(covarianceOf(rows, size), wanted, 1e-12);
});

Deno.test("‖L⁻¹ d‖ is the Mahalanobis distance", () => {
  const covariance = covarianceOf(correlated(40), 40), inverse = whitening(covariance, C);
  for (let i = 0; i < C; i++) for (let j = i + 1; j < C; j++) assert.equal(inverse[i * C + j], 0);
  for (const d of correlated(5)) {
    let square = 0;
    for (let i = 0; i < C; i++) {
      let sum = 0;
      for (let j = 0; j < C; j++) sum += inverse[i * C + j] * d[j];
      square += sum ** 2;
    }
    const wanted = solve(covariance, d).reduce((sum, x, i) => sum + x * d[i], 0);
    assertClose([square], [wanted], 1e-6);
  }
});

Deno.test("residuals of fewer rows than channels have a distance all the same", () => {
  const covariance = covarianceOf(correlated(2), 2), inverse = whitening(covariance, C);
  assert.ok(inverse.every(Number.isFinite));
  // Across the one direction in which they vary, only the ridge is left: its root is the largest factor.
  const ridge = 0.1 / 1.1 *
    Array.from({ length: C }, (_, i) => covariance[i * C + i]).reduce((a, b) => a + b) /
    C;
  const largest = Math.max(...Array.from({ length: C }, (_, i) => inverse[i * C + i]));
  assert.ok(largest <= 1.0001 / Math.sqrt(ridge) && largest > 0.5 / Math.sqrt(ridge));
});

Deno.test("residuals that are all alike are refused", () => {
  const alike = Array.from({ length: 8 }, () => new Float32Array(C).fill(0.5));
  const expected = {
    name: "InputError",
    message: /^Expected features or residuals with a positive definite covariance/,
  };
  assert.throws(() => whitening(covarianceOf(alike, 8), C), expected);
  assert.throws(() => whitening(new Float32Array(C * C).fill(NaN), C), expected);
});
