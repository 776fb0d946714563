/**
 * Eigenvalues and eigenvectors of a symmetric matrix in float64 on the host: Householder reflections to a tridiagonal
 * matrix, then the implicit QL algorithm (Golub and Van Loan, Matrix Computations, §8.3).
 *
 * @module
 */
import { pauses } from "./pause.ts";

/** Eigenpairs, the largest value first. */
export interface Eigen {
  /** [n] */
  values: Float64Array;
  /** [n, n], a vector a row, each of length 1. */
  vectors: Float64Array;
}

/**
 * All eigenpairs.
 *
 * @param matrix [n, n], symmetric; it is overwritten
 */
export async function symmetricEigen(matrix: Float64Array, n: number, signal?: AbortSignal): Promise<Eigen> {
  const pause = pauses(signal), rows = new Float64Array(n * n); // rows · matrix · rowsᵀ becomes diagonal
  for (let i = 0; i < n; i++) rows[i * n + i] = 1;
  const { diagonal, beside } = await tridiagonal(matrix, rows, n, pause);
  await diagonalise(diagonal, beside, rows, n, pause);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[j] - diagonal[i]);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => vectors.set(rows.subarray(from * n, (from + 1) * n), to * n));
  return { values: Float64Array.from(order, (i) => diagonal[i]), vectors };
}

/** Reflects A by H = 1 − β v vᵀ, column by column, until it is tridiagonal, and `rows` with it. */
async function tridiagonal(A: Float64Array, rows: Float64Array, n: number, pause: () => Promise<void>) {
  const v = new Float64Array(n), w = new Float64Array(n);
  for (let k = 0; k < n - 2; k++) {
    let square = 0, beyond = 0;
    for (let i = k + 1; i < n; i++) {
      v[i] = A[i * n + k];
      square += v[i] ** 2;
      if (i > k + 1) beyond += v[i] ** 2;
    }
    if (beyond === 0) continue;
    const alpha = v[k + 1] > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    v[k + 1] -= alpha;
    const beta = 2 / (beyond + v[k + 1] ** 2);

    // A becomes A − v wᵀ − w vᵀ, with w = β A v − ½ β (vᵀ β A v) v.
    let along = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += A[i * n + j] * v[j];
      w[i] = beta * sum;
      along += w[i] * v[i];
    }
    for (let i = k + 1; i < n; i++) w[i] -= beta / 2 * along * v[i];
    for (let i = k + 1; i < n; i++) {
      for (let j = k + 1; j < n; j++) A[i * n + j] -= v[i] * w[j] + w[i] * v[j];
    }
    A[(k + 1) * n + k] = alpha;

    w.fill(0); // β vᵀ rows
    for (let i = k + 1; i < n; i++) for (let j = 0; j < n; j++) w[j] += beta * v[i] * rows[i * n + j];
    for (let i = k + 1; i < n; i++) for (let j = 0; j < n; j++) rows[i * n + j] -= v[i] * w[j];
    await pause();
  }
  const diagonal = Float64Array.from({ length: n }, (_, i) => A[i * n + i]);
  const beside = Float64Array.from({ length: n }, (_, i) => i < n - 1 ? A[(i + 1) * n + i] : 0);
  return { diagonal, beside };
}

/** Chases the entries beside the diagonal away by rotations, and `rows` with them. */
async function diagonalise(
  diagonal: Float64Array,
  beside: Float64Array,
  rows: Float64Array,
  n: number,
  pause: () => Promise<void>,
): Promise<void> {
  for (let first = 0; first < n; first++) {
    for (;;) {
      let last = first; // where the matrix falls apart
      while (last < n - 1 && !isSmall(beside[last], diagonal[last], diagonal[last + 1])) last++;
      if (last === first) break;
      // The eigenvalue of the leading 2×2 block that is nearest to its first entry.
      const half = (diagonal[first + 1] - diagonal[first]) / 2;
      const root = Math.hypot(half, beside[first]);
      const shift = diagonal[first] - beside[first] ** 2 / (half + (half < 0 ? -root : root));

      let bulge = diagonal[last] - shift, cos = 1, sin = 1, moved = 0, i = last - 1;
      for (; i >= first; i--) {
        const f = sin * beside[i], b = cos * beside[i], length = Math.hypot(f, bulge);
        beside[i + 1] = length;
        if (length === 0) { // it falls apart here: nothing is left to chase
          diagonal[i + 1] -= moved;
          beside[last] = 0;
          break;
        }
        sin = f / length;
        cos = bulge / length;
        const corner = diagonal[i + 1] - moved, turn = (diagonal[i] - corner) * sin + 2 * cos * b;
        moved = sin * turn;
        diagonal[i + 1] = corner + moved;
        bulge = cos * turn - b;
        for (let j = 0, low = i * n, high = low + n; j < n; j++, low++, high++) {
          const above = rows[low], below = rows[high];
          rows[high] = sin * above + cos * below;
          rows[low] = cos * above - sin * below;
        }
      }
      if (i < first) {
        diagonal[first] -= moved;
        beside[first] = bulge;
        beside[last] = 0;
      }
      await pause();
    }
  }
}

function isSmall(beside: number, a: number, b: number): boolean {
  return Math.abs(beside) <= Number.EPSILON * (Math.abs(a) + Math.abs(b));
}
