/**
 * A small report: eight images of two kinds of defect, with names that try to break the page.
 *
 * @module
 */
import { drawSample } from "../../src/data/procedural/sample.ts";
import { embed } from "../../src/report/embed.ts";
import type { ReportImage, ReportInput } from "../../src/report/report_input.ts";

/** Text that is dangerous in HTML, in scripts, in attributes and in addresses. */
export const EVIL = `</script><img src="http://example.invalid/a.png" onerror='throw 1'>&amp;%3C<!--`;

const SIDE = 32;

/** Scores 1 to 8: of normal images 1, 2, 3 and 6, of cracks 4 and 7, of what has a dangerous name 5 and 8. */
const IMAGES: [score: number, kind: string | null][] = [
  ...[[1, null], [2, null], [3, null], [6, null]] as [number, null][],
  ...[[4, "crack"], [7, "crack"], [5, EVIL], [8, EVIL]] as [number, string][],
];

async function image(score: number, kind: string | null): Promise<ReportImage> {
  const { image } = drawSample({ category: "grid", size: SIDE, seed: score });
  const place = (x: number, y: number) => x >= 8 && x < 16 && y >= 8 && y < 16;
  const cells = Array.from({ length: SIDE * SIDE }, (_, i) => place(i % SIDE, Math.floor(i / SIDE)));
  const picture = await embed({
    image,
    map: { width: SIDE, height: SIDE, data: Float32Array.from(cells, (isIn) => isIn ? score : 0) },
    area: { x: 0, y: 0, width: SIDE, height: SIDE },
    mask: kind === null ? null : { width: SIDE, height: SIDE, data: Uint8Array.from(cells, Number) },
    boxes: score > 5.5 ? [{ x: 8, y: 8, width: 8, height: 8 }] : [],
  });
  const path = `data/${kind === EVIL ? `evil/${score} ${EVIL}` : `${kind ?? "good"}/${score}`}.png`;
  return { path, label: kind === null ? 0 : 1, kind, score, normalised: score / 10, picture };
}

/** Of the threshold 5.5 above. */
export async function smallReport(): Promise<ReportInput> {
  const images = await Promise.all(IMAGES.map(([score, kind]) => image(score, kind)));
  const kind = {
    images: 2,
    found: 1,
    image_auroc: 0.75,
    image_ap: 0.5,
    pixel_auroc: null,
    pixel_ap: null,
    aupro: null,
  };
  const counts = { tp: 2, fp: 1, tn: 3, fn: 2, precision: 2 / 3, recall: 0.5, f1: 4 / 7, fpr: 0.25 };
  return {
    title: `bottle ${EVIL}`,
    subtitle: EVIL,
    metrics: { image_auroc: 0.8125, image_ap: null, aupro: 0.5 },
    threshold: { value: 5.5, words: `given ${EVIL}`, ...counts },
    pixelThreshold: { value: 5.5, words: "given by hand", fpr: 0.1 },
    bestF1: 3.5,
    command: `./adtr threshold '${EVIL}'`,
    kinds: { crack: kind, [EVIL]: kind },
    curves: {
      image_roc: { x: [0, 0, 0.25, 0.25, 1], y: [0, 0.5, 0.5, 1, 1] },
      image_pr: { x: [0, 0.5, 1], y: [1, 1, 0.8] },
      pixel_roc: null,
      pixel_pr: null,
      pro: { x: [0, 0.1, 0.3], y: [0, 0.9, 1] },
    },
    images,
    range: { low: 0, high: 8 },
    lossCurve: [3, NaN, 2, 1],
    about: { Data: { "Data set": EVIL, "Test images": 8, Weights: null } },
    settings: { epochs: 500, layers: [4, 4], note: EVIL },
  };
}
