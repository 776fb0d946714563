/**
 * CutPaste (Li et al., CVPR 2021): a patch of the image, its colours slightly changed, pasted elsewhere; as often a
 * large rectangle as a scar, which is long, thin and turned. Without the paper's change of hue.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import { type Anomaly, rasterise, untilChanged } from "./anomaly.ts";

/** A large patch's part of the image's area, and the longer side over the shorter one. */
const AREA = [0.02, 0.15], ASPECT = [1, 1 / 0.3];
/** A scar's sides in pixels of an image of 256, and its largest angle. */
const WIDTH = [2, 16], LENGTH = [10, 25], TURN = Math.PI / 4, SIDE = 256;
/** Brightness, contrast and saturation are multiplied by 1 − JITTER to 1 + JITTER. */
const JITTER = 0.1;

/** Pastes a patch; a `DrawAnomaly`. */
export function cutpaste(image: Uint8Array, S: number, random: Random): Anomaly {
  return untilChanged(image, (copy) => {
    const { width, height, angle } = random.uniform() < 0.5 ? largePatch(S, random) : scar(S, random);
    const left = random.below(S - width + 1), top = random.below(S - height + 1);
    const patch = new Float32Array(3 * width * height);
    for (let y = 0; y < height; y++) {
      const from = 3 * ((top + y) * S + left);
      patch.set(image.subarray(from, from + 3 * width), 3 * y * width);
    }
    jitter(patch, random);
    // All of it stays within the image; an upright patch keeps to the pixels.
    const cos = Math.cos(angle), sin = Math.abs(Math.sin(angle));
    const place = (side: number, other: number): number => {
      const reach = (side * cos + other * sin) / 2;
      return angle === 0 ? random.below(S - side + 1) + reach : random.range(reach, S - reach);
    };
    const x = place(width, height), y = place(height, width);
    rasterise(S, { x, y, width, height, angle }, (pixel, right, down) => {
      const from = 3 * (Math.floor(down) * width + Math.floor(right));
      for (let c = 0; c < 3; c++) {
        copy[3 * pixel + c] = Math.round(Math.min(Math.max(patch[from + c], 0), 255));
      }
    });
  });
}

/** Whole pixels, and radians. */
interface Cut {
  width: number;
  height: number;
  angle: number;
}

function largePatch(S: number, random: Random): Cut {
  const area = random.range(AREA[0], AREA[1]), aspect = random.range(ASPECT[0], ASPECT[1]);
  const long = pixels(S * Math.sqrt(area * aspect)), short = pixels(S * Math.sqrt(area / aspect));
  return random.uniform() < 0.5
    ? { width: long, height: short, angle: 0 }
    : { width: short, height: long, angle: 0 };
}

function scar(S: number, random: Random): Cut {
  return {
    width: pixels(random.range(WIDTH[0], WIDTH[1]) * S / SIDE),
    height: pixels(random.range(LENGTH[0], LENGTH[1]) * S / SIDE),
    angle: random.range(-TURN, TURN),
  };
}

function pixels(length: number): number {
  return Math.max(1, Math.round(length));
}

/** Changes a patch's colours [pixels, 3] in place, as torchvision's ColorJitter does it but for the hue. */
function jitter(patch: Float32Array, random: Random): void {
  const [brightness, contrast, saturation] = [0, 1, 2].map(() => random.range(1 - JITTER, 1 + JITTER));
  const grey = (i: number): number => 0.299 * patch[i] + 0.587 * patch[i + 1] + 0.114 * patch[i + 2];
  let mean = 0;
  for (let i = 0; i < patch.length; i += 3) mean += 3 * brightness * grey(i) / patch.length;
  for (let i = 0; i < patch.length; i += 3) {
    for (let c = i; c < i + 3; c++) patch[c] = mean + contrast * (brightness * patch[c] - mean);
    const own = grey(i);
    for (let c = i; c < i + 3; c++) patch[c] = own + saturation * (patch[c] - own);
  }
}
