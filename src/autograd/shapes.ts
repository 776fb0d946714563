/**
 * Other shapes of the same values, and parts of tensors: views, channels beside each other, maps cut out and put into zeros.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { copyBox } from "../kernels/dense/boxes.ts";
import { fill } from "../kernels/dense/elementwise.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import type { Tape } from "./tape.ts";

/**
 * The same values under another shape, through which gradients go: a view, no copy.
 *
 * @throws {RangeError} where it is of another size
 */
export function reshape(_tape: Tape, x: Tensor, shape: readonly number[]): Tensor {
  return x.view(shape);
}

/** The same values, through which no gradient goes: torch.Tensor.detach. */
export function detach(x: Tensor): Tensor {
  const y = x.view(x.shape);
  y.requiresGrad = false;
  y.grad = null;
  return y;
}

/**
 * Tensors beside each other along the last dimension: torch.cat(xs, -1).
 *
 * @param xs [..., C₁], [..., C₂], …
 * @returns [..., C₁ + C₂ + …]
 * @throws {RangeError} where there is none, or other dimensions than the last differ
 */
export function concat(tape: Tape, xs: readonly Tensor[]): Tensor {
  const { gpu } = tape, leading = xs[0]?.shape.slice(0, -1);
  if (!leading || xs.some(({ shape }) => shape.length === 0 || `${shape.slice(0, -1)}` !== `${leading}`)) {
    throw new RangeError(
      `Expected tensors that differ in their last dimension only, but found ` +
        (xs.map(({ shape }) => `[${shape}]`).join(", ") || "none"),
    );
  }
  const widths = xs.map(({ shape }) => shape[shape.length - 1]), C = widths.reduce((a, b) => a + b);
  const y = gpu.empty([...leading, C], "concatenated channels"), rows = y.size / C;
  const firsts = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b, 0));
  xs.forEach((x, i) => {
    copyBox(gpu, x, { middle: widths[i] }, y, { offset: firsts[i], middle: C }, [1, rows, widths[i]]);
  });
  return tape.record("concat", y, xs, (dy) => {
    xs.forEach((x, i) => {
      const dx = tape.into(x), width = widths[i];
      if (!dx) return;
      copyBox(
        gpu,
        dy,
        { offset: firsts[i], middle: C },
        dx.tensor,
        { middle: width },
        [1, rows, width],
        dx.add,
      );
    });
  });
}

/**
 * Some of the last dimension: x[..., first : first + count].
 *
 * @param x [..., C]
 * @returns [..., count]
 * @throws {RangeError} where they do not lie within C
 */
export function channels(tape: Tape, x: Tensor, first: number, count: number): Tensor {
  const { gpu } = tape, C = x.shape[x.shape.length - 1], rows = x.size / C;
  if (![first, count].every(Number.isInteger) || !(first >= 0 && count >= 1 && first + count <= C)) {
    throw new RangeError(`Expected some of the channels 0..${C}, but found ${first}..${first + count}`);
  }
  const y = gpu.empty([...x.shape.slice(0, -1), count], "some channels");
  const there = { offset: first, middle: C }, here = { middle: count };
  copyBox(gpu, x, there, y, here, [1, rows, count]);
  return tape.record("channels", y, [x], (dy) => {
    const dx = tape.into(x, true)!;
    copyBox(gpu, dy, here, dx.tensor, there, [1, rows, count], true);
  });
}

/** A rectangle within a map, in positions. */
export interface Rectangle {
  /** Rows above it. */
  top: number;
  /** Columns left of it. */
  left: number;
  /** Its rows. */
  height: number;
  /** Its columns. */
  width: number;
}

/**
 * A rectangle of every map: x[:, top : top + height, left : left + width].
 *
 * @param x [B, H, W, C]
 * @returns [B, height, width, C]
 * @throws {RangeError} where x is no maps, or the rectangle does not lie within them
 */
export function crop(tape: Tape, x: Tensor, { top, left, height, width }: Rectangle): Tensor {
  const { gpu } = tape, [B, H, W, C] = x.shape;
  const within = top >= 0 && left >= 0 && height >= 1 && width >= 1 && top + height <= H && left + width <= W;
  if (x.shape.length !== 4 || !within || ![top, left, height, width].every(Number.isInteger)) {
    throw new RangeError(
      `Expected maps [B, H, W, C] and a rectangle within, but found [${x.shape}] and ` +
        `rows ${top}..${top + height}, columns ${left}..${left + width}`,
    );
  }
  const y = gpu.empty([B, height, width, C], "a part of maps");
  const large = { offset: (top * W + left) * C, outer: H * W * C, middle: W * C };
  const small = { outer: height * width * C, middle: width * C }, box = [B, height, width * C] as const;
  copyBox(gpu, x, large, y, small, box);
  return tape.record("crop", y, [x], (dy) => {
    const dx = tape.into(x, true)!;
    copyBox(gpu, dy, small, dx.tensor, large, box, true);
  });
}

/** Rows and columns of zeros around a map. */
export interface Border {
  /** Default 0. */
  top?: number;
  /** Default 0. */
  bottom?: number;
  /** Default 0. */
  left?: number;
  /** Default 0. */
  right?: number;
}

/**
 * Zeros around every map: torch.nn.functional.pad.
 *
 * @param x [B, H, W, C]
 * @returns [B, top + H + bottom, left + W + right, C]
 * @throws {RangeError} where x is no maps, or a width is negative or no whole number
 */
export function pad(
  tape: Tape,
  x: Tensor,
  { top = 0, bottom = 0, left = 0, right = 0 }: Border,
): Tensor {
  const { gpu } = tape, [B, H, W, C] = x.shape, border = [top, bottom, left, right];
  if (x.shape.length !== 4 || !border.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new RangeError(
      `Expected maps [B, H, W, C] and borders of at least 0, but found [${x.shape}] and ${border}`,
    );
  }
  const outH = top + H + bottom, outW = left + W + right, y = gpu.empty([B, outH, outW, C], "padded maps");
  const large = { offset: (top * outW + left) * C, outer: outH * outW * C, middle: outW * C };
  const small = { outer: H * W * C, middle: W * C }, box = [B, H, W * C] as const;
  fill(gpu, y, 0);
  copyBox(gpu, x, small, y, large, box);
  return tape.record("pad", y, [x], (dy) => {
    const { tensor, add } = tape.into(x)!;
    copyBox(gpu, dy, large, tensor, small, box, add);
  });
}

/**
 * One vector at every position of a map.
 *
 * @param x [B, C]
 * @returns [B, H, W, C]
 * @throws {RangeError} where x has other dimensions
 */
export function expand(tape: Tape, x: Tensor, [H, W]: readonly [height: number, width: number]): Tensor {
  const { gpu } = tape, [B, C] = x.shape, positions = H * W;
  if (x.shape.length !== 2) throw new RangeError(`Expected vectors [B, C], but found [${x.shape}]`);
  const y = gpu.empty([B, H, W, C], "vectors at all positions");
  copyBox(gpu, x, { outer: C }, y, { outer: positions * C, middle: C }, [B, positions, C]);
  return tape.record("expand", y, [x], (dy) => {
    const { tensor, add } = tape.into(x)!;
    for (let b = 0; b < B; b++) {
      const rows = { rows: positions, columns: C, first: b * positions * C, offset: b * C };
      sumColumns(gpu, dy, tensor, { ...rows, accumulate: add });
    }
  });
}
