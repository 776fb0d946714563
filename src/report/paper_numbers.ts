/**
 * What the paper reports (You et al. 2022, arXiv 2209.01816), in percent: Table 1, pixel AUROC on MVTec-AD, and means of
 * its tables of image AUROC on MVTec-AD and CIFAR-10 and of its ablations. What is not known here is left out.
 *
 * @module
 */

/** Percent, by category; the paper's mean under `mean`. */
export type PaperColumn = Readonly<Record<string, number>>;

/** Categories of MVTec-AD in the paper's order. */
export const MVTEC = [
  "carpet",
  "grid",
  "leather",
  "tile",
  "wood",
  "bottle",
  "cable",
  "capsule",
  "hazelnut",
  "metal_nut",
  "pill",
  "screw",
  "toothbrush",
  "transistor",
  "zipper",
] as const;

/** Categories of CIFAR-10. */
export const CIFAR10 = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
] as const;

/** A row of Table 1: the categories in order, then the mean. */
function row(...values: number[]): PaperColumn {
  return Object.fromEntries([...MVTEC, "mean"].map((name, i) => [name, values[i]]));
}

/** By data set, metric, and method. */
export const PAPER_NUMBERS: Record<string, Record<string, Record<string, PaperColumn>>> = {
  mvtec: {
    pixel_auroc: {
      spade: row(
        97.5,
        93.7,
        97.6,
        87.4,
        88.5,
        98.4,
        97.2,
        99.0,
        99.1,
        98.1,
        96.5,
        98.9,
        97.9,
        94.1,
        96.5,
        96.0,
      ),
      adtr: row(
        98.7,
        95.0,
        98.1,
        93.8,
        91.2,
        98.0,
        96.8,
        99.1,
        98.6,
        97.0,
        98.3,
        99.3,
        98.5,
        97.9,
        97.2,
        97.2,
      ),
      "adtr+": row(
        98.8,
        94.2,
        98.6,
        95.9,
        93.0,
        98.0,
        97.0,
        99.1,
        98.8,
        96.8,
        98.7,
        99.3,
        99.2,
        97.8,
        97.6,
        97.5,
      ),
    },
    image_auroc: { adtr: { mean: 96.4 }, "adtr+": { mean: 96.9 } },
  },
  ablations: { // of MVTec-AD
    pixel_auroc: {
      full: { mean: 97.2 },
      "no-query": { mean: 94.2 },
      "no-attention": { mean: 94.8 },
      conv: { mean: 94.4 },
    },
  },
  cifar10: {
    image_auroc: { adtr: { mean: 94.7 }, "adtr+": { mean: 96.1 } },
  },
};
