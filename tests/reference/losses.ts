/**
 * ADTR+'s losses and FCDD's as plain loops in float64: they are the specification of src/autograd/losses.ts.
 *
 * @module
 */

/** A loss and its gradient with respect to x. */
export interface LossAndGradient {
  loss: number;
  gradient: Float64Array;
}

/** Everything [B, N, C] but for the labels. */
export interface LossInput {
  x: ArrayLike<number>;
  target: ArrayLike<number>;
  y: ArrayLike<number>;
  B: number;
  N: number;
  C: number;
  alpha: number;
}

/** L_px, y [B, N]. */
export function pixelLoss(input: LossInput): LossAndGradient {
  const { y, N } = input;
  return perImage(input, N, (b, u) => y[b * N + u]);
}

/** L_img, y [B]. */
export function imageLoss(input: LossInput & { k: number }): LossAndGradient {
  const { y, k } = input;
  return perImage(input, k, (b, u, m) => {
    const larger = m.filter((other, v) => other > m[u] || (other === m[u] && v < u));
    return larger.length < k ? y[b] : null;
  });
}

/** @param label of a position by its image, itself and all m of the image; null where it doesn't count */
function perImage(
  { x, target, B, N, C, alpha }: LossInput,
  n: number,
  label: (b: number, u: number, m: number[]) => number | null,
): LossAndGradient {
  let loss = 0;
  const gradient = new Float64Array(B * N * C);
  for (let b = 0; b < B; b++) {
    const d = (u: number, c: number): number => x[(b * N + u) * C + c] - target[(b * N + u) * C + c];
    const m = Array.from({ length: N }, (_, u) => {
      let sum = 0;
      for (let c = 0; c < C; c++) sum += Math.abs(d(u, c));
      return sum / C;
    });
    const labels = m.map((_, u) => label(b, u, m));
    let pull = 0, r = 0;
    for (let u = 0; u < N; u++) {
      const phi = m[u] ** 2 / (Math.sqrt(m[u] ** 2 + 1) + 1);
      if (labels[u] === 0) pull += phi / n;
      if (labels[u] === 1) r += phi / n;
    }
    const near = -Math.expm1(-r);
    const push = labels.includes(1) ? -alpha * Math.log(Math.max(near, 1e-7)) : 0;
    const slope = near > 1e-7 ? -alpha * Math.exp(-r) / near : 0;
    loss += (pull + push) / B;
    for (let u = 0; u < N; u++) {
      const outer = labels[u] === null ? 0 : labels[u] === 1 ? slope : 1;
      const dm = outer / n * m[u] / Math.sqrt(m[u] ** 2 + 1) / B;
      for (let c = 0; c < C; c++) gradient[(b * N + u) * C + c] = dm / C * Math.sign(d(u, c));
    }
  }
  return { loss, gradient };
}

/**
 * FCDD's loss of the pseudo-Huber functions of maps a, and its gradient with respect to a: B images of N positions, each
 * with a label, or as many labels as images.
 */
export function fcddLoss(a: ArrayLike<number>, y: ArrayLike<number>, B: number): LossAndGradient {
  const N = a.length / B, gradient = new Float64Array(a.length);
  let loss = 0;
  for (let b = 0; b < B; b++) {
    const label = (u: number): number => y[y.length === B ? b : b * N + u];
    let pull = 0, r = 0, pushed = false;
    for (let u = 0; u < N; u++) {
      const A = Math.sqrt(a[b * N + u] ** 2 + 1) - 1;
      if (label(u) === 1) r += A / N;
      else pull += A / N;
      pushed ||= label(u) === 1;
    }
    loss += (pull + (pushed ? -Math.log(-Math.expm1(-r)) : 0)) / B;
    for (let u = 0; u < N; u++) {
      const at = b * N + u, outer = label(u) === 1 ? Math.exp(-r) / Math.expm1(-r) : 1;
      gradient[at] = outer / N / B * a[at] / Math.sqrt(a[at] ** 2 + 1);
    }
  }
  return { loss, gradient };
}
