/**
 * Procedural textures of random kind and colours, for anomalies to be made of.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import { cellular, noiseField } from "../procedural/noise.ts";

/** Fields [S, S] of about 0..1; lengths are in 1/256 of the side. */
const KINDS: ((S: number, random: Random) => Float32Array)[] = [clouds, stripes, cells, cracks];

/** A texture between two colours, with some grain, RGB [S, S, 3]. */
export function drawTexture(S: number, random: Random): Uint8Array {
  const field = KINDS[random.below(KINDS.length)](S, random);
  const [low, high] = [0, 1].map(() => [0, 1, 2].map(() => random.range(0, 255)));
  const grain = noiseField(S, 2, random.range(0, 40), random.bits());
  return Uint8Array.from({ length: 3 * S * S }, (_, i) => {
    const pixel = Math.floor(i / 3), c = i % 3;
    const value = low[c] + (high[c] - low[c]) * field[pixel] + grain[pixel];
    return Math.min(Math.max(Math.round(value), 0), 255);
  });
}

function clouds(S: number, random: Random): Float32Array {
  return noiseField(S, 2 ** random.range(3, 6), 0.4, random.bits(), 4).map((v) => 0.5 + v);
}

function stripes(S: number, random: Random): Float32Array {
  const turns = 2 ** random.range(2, 5), angle = random.range(0, Math.PI);
  const across = turns / S * Math.cos(angle), down = turns / S * Math.sin(angle);
  const bend = noiseField(S, 64, random.range(0, 0.5), random.bits());
  return bend.map((shift, i) => {
    const turn = (i % S) * across + Math.floor(i / S) * down + shift;
    return 0.5 + 0.5 * Math.sin(2 * Math.PI * turn);
  });
}

/** Patches, each of one shade. */
function cells(S: number, random: Random): Float32Array {
  return cellular(S, 2 ** random.range(3, 6), random.bits()).id;
}

/** Pale patches with dark borders. */
function cracks(S: number, random: Random): Float32Array {
  return cellular(S, 2 ** random.range(3, 6), random.bits()).border.map((v) => Math.min(4 * v, 1));
}
