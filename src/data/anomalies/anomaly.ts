/**
 * What all synthetic anomalies have in common: an image in, the image with a defect and its mask out.
 *
 * @module
 */
import { InputError } from "../../errors.ts";
import type { Random } from "../../hash.ts";

/** A normal image that was made anomalous. */
export interface Anomaly {
  /** RGB [S, S, 3]. */
  image: Uint8Array<ArrayBuffer>;
  /** 1 where any channel differs from the normal image's, else 0, [S, S]; never all 0. */
  mask: Uint8Array<ArrayBuffer>;
}

/**
 * Makes a normal image anomalous. The same image, S and state of `random` give the same result.
 *
 * @param image RGB [S, S, 3]; left as it is
 * @param S pixels a side
 * @throws {InputError} where no draw changes the image, as where it is black throughout
 */
export type DrawAnomaly = (image: Uint8Array, S: number, random: Random) => Anomaly;

const TRIES = 1000;

/**
 * Draws until something has changed.
 *
 * @param paint changes a copy of the image
 * @throws {InputError} where nothing has after 1000 draws
 */
export function untilChanged(image: Uint8Array, paint: (copy: Uint8Array) => void): Anomaly {
  for (let i = 0; i < TRIES; i++) {
    const copy = new Uint8Array(image);
    paint(copy);
    const mask = changedPixels(image, copy);
    if (mask.includes(1)) return { image: copy, mask };
  }
  throw new InputError(
    `Expected images that a synthetic anomaly shows on, but found one that ${TRIES} draws left as it was`,
  );
}

function changedPixels(before: Uint8Array, after: Uint8Array): Uint8Array<ArrayBuffer> {
  const mask = new Uint8Array(before.length / 3);
  for (let i = 0; i < before.length; i++) if (before[i] !== after[i]) mask[Math.floor(i / 3)] = 1;
  return mask;
}

/** Calls `visit` with the index y·S + x of every pixel whose centre lies in a rectangle, and its place in there. */
export function rasterise(
  S: number,
  { x, y, width, height, angle }: Rectangle,
  visit: (pixel: number, right: number, down: number) => void,
): void {
  const cos = Math.cos(angle), sin = Math.sin(angle), reach = Math.hypot(width, height) / 2;
  const within = (v: number): number => Math.min(Math.max(v, 0), S);
  for (let row = within(Math.floor(y - reach)); row < within(Math.ceil(y + reach)); row++) {
    for (let column = within(Math.floor(x - reach)); column < within(Math.ceil(x + reach)); column++) {
      const dx = column + 0.5 - x, dy = row + 0.5 - y;
      const right = cos * dx + sin * dy + width / 2, down = cos * dy - sin * dx + height / 2;
      if (right >= 0 && right < width && down >= 0 && down < height) visit(row * S + column, right, down);
    }
  }
}

/** A rectangle on an image, in pixels and radians. */
export interface Rectangle {
  /** Its centre; the first pixel's is at 0.5. */
  x: number;
  y: number;
  width: number;
  height: number;
  /** Turned by that much from x to y, around its centre. */
  angle: number;
}
