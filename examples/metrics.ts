/**
 * The metrics of docs/method.md §7, of anybody's scores and maps. No GPU is needed.
 *
 *     deno run -A examples/metrics.ts
 */
import { imageMetrics, pixelMetrics } from "@adtr/adtr";

// Two normal images and two with a defect, which one of them hides well.
const scores = Float32Array.of(0.1, 0.4, 0.9, 0.3), labels = Uint8Array.of(0, 0, 1, 1);
console.log(imageMetrics(scores, labels));

// One map of 8×8 pixels: the defect is a square of 4×4, the map is high in a square one pixel to its right.
const inSquare = (i: number, left: number): boolean =>
  i % 8 >= left && i % 8 < left + 4 && Math.floor(i / 8) >= 2 && Math.floor(i / 8) < 6;
const map = Float32Array.from({ length: 64 }, (_, i) => inSquare(i, 3) ? 1 : 0);
const mask = Uint8Array.from({ length: 64 }, (_, i) => inSquare(i, 2) ? 1 : 0);
console.log(pixelMetrics(map, mask, 1, 8, 8));
