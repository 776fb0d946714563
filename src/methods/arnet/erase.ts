/**
 * What ARNet erases of an image: its colours, and its orientation by a turn.
 *
 * @module
 */

/** ITU-R BT.601's luma. */
const LUMA = [0.299, 0.587, 0.114];

/**
 * An image [S · S, 3] turned against the clock by quarters, written to `to` [S · S, channels]: with one channel in grays.
 *
 * @param channels 1 or 3
 */
export function erase(
  image: Float32Array,
  S: number,
  channels: number,
  turns: number,
  to: Float32Array,
): void {
  for (let place = 0; place < S * S; place++) {
    let [y, x] = [Math.floor(place / S), place % S];
    for (let turn = 0; turn < turns; turn++) [y, x] = [x, S - 1 - y];
    const [r, g, b] = image.subarray(3 * (y * S + x));
    if (channels === 1) to[place] = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
    else to.set([r, g, b], 3 * place);
  }
}
