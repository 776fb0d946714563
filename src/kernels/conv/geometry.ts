/**
 * Where the windows of a convolution lie, as torch.nn.Conv2d says it: the same for the op, its gradients and what it is
 * made of.
 *
 * @module
 */

/** Windows of k×k taps over maps of H×W, outH×outW of them. */
export interface Geometry {
  H: number;
  W: number;
  outH: number;
  outW: number;
  k: number;
  stride: number;
  /** Zeros on every side. */
  padding: number;
  /** Distance of neighbouring taps. */
  dilation: number;
}

/** Where a k×k window goes: zeros above and left of the map, and the output's size, which implies the others. */
export interface Window {
  stride: number;
  top: number;
  left: number;
  outH: number;
  outW: number;
}

/**
 * The windows over maps of H×W.
 *
 * @throws {RangeError} where there are none, or k is not 1 to 7, the stride not 1 or 2
 */
export function geometryOf(
  [H, W]: readonly [number, number],
  k: number,
  { stride = 1, padding = 0, dilation = 1 }: { stride?: number; padding?: number; dilation?: number },
): Geometry {
  const whole = [padding, dilation - 1].every((n) => Number.isInteger(n) && n >= 0);
  if (!(k >= 1 && k <= 7) || ![1, 2].includes(stride) || !whole) {
    throw new RangeError(
      "Expected a kernel of 1 to 7, a stride of 1 or 2, a padding of at least 0 and a dilation of at least 1, " +
        `but found ${k}, ${stride}, ${padding} and ${dilation}`,
    );
  }
  const out = (n: number) => Math.floor((n + 2 * padding - dilation * (k - 1) - 1) / stride) + 1;
  const outH = out(H), outW = out(W);
  if (outH < 1 || outW < 1) {
    throw new RangeError(`Expected maps that a ${k}×${k} window fits into, but found ${H}×${W}`);
  }
  return { H, W, outH, outW, k, stride, padding, dilation };
}
