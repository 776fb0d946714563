/**
 * What the paper reports (You et al. 2022, arXiv 2209.01816), in percent: Table 1, pixel AUROC on MVTec-AD, and means of
 * its tables of image AUROC on MVTec-AD (Table 2) and CIFAR-10 (Table 3) and of its ablations. What is not known here is left out.
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

/** Table 1, pixel AUROC on MVTec-AD: the categories in order, then the mean as it is printed there. */
const TABLE_1 = `
  anogan     54   58   64   50   62   86   78   84   87   76   87   80   90   80   78   74
  scadn    64.9 79.6 76.3 67.7 67.2 69.6 81.4 68.7 88.4 75.4 74.7 87.6 90.1 68.9 67.0 75.2
  ssim-ae    87   94   78   59   73   93   82   94   97   89   91   96   92   90   88   86
  vevae      78   73   95   80   77   87   90   74   98   94   83   97   94   93   78   86
  smai       88   97   86   62   80   86   92   93   97   92   92   96   96   85   90   89
  vae-grad   74   96   93   65   84   92   91   92   98   91   93   95   99   92   87   89
  p-net      57   98   89   97   98   99   70   84   97   79   91  100   99   82   90   89
  kdad     95.6 91.8 98.1 82.8 84.8 96.3 82.4 95.9 94.6 86.4 89.6 96.0 96.1 76.5 93.9 90.7
  loc-glo    96   78   90   80   81   93   94   90   84   91   93   96   96  100   99   91
  fcdd       96   91   98   91   88   97   90   93   95   94   81   86   94   88   92   92
  psvdd    92.6 96.2 97.4 91.4 90.8 98.1 96.8 95.8 97.5 98.0 95.1 95.7 98.1 97.0 95.1 95.7
  spade    97.5 93.7 97.6 87.4 88.5 98.4 97.2 99.0 99.1 98.1 96.5 98.9 97.9 94.1 96.5 96.0
  adtr     98.7 95.0 98.1 93.8 91.2 98.0 96.8 99.1 98.6 97.0 98.3 99.3 98.5 97.9 97.2 97.2
  adtr+    98.8 94.2 98.6 95.9 93.0 98.0 97.0 99.1 98.8 96.8 98.7 99.3 99.2 97.8 97.6 97.5
`;

/** Methods' numbers by category and their means, from lines as those of Table 1. */
function columnsOf(lines: string): Record<string, PaperColumn> {
  return Object.fromEntries(
    lines.trim().split("\n").map((line) => {
      const [method, ...values] = line.trim().split(/ +/);
      return [method, Object.fromEntries([...MVTEC, "mean"].map((name, i) => [name, Number(values[i])]))];
    }),
  );
}

/** Means alone. */
function meansOf(means: Record<string, number>): Record<string, PaperColumn> {
  return Object.fromEntries(Object.entries(means).map(([method, mean]) => [method, { mean }]));
}

/** By data set, metric, and method. */
export const PAPER_NUMBERS: Record<string, Record<string, Record<string, PaperColumn>>> = {
  mvtec: {
    pixel_auroc: columnsOf(TABLE_1),
    image_auroc: meansOf({ kdad: 87.7, ts: 92.5, psvdd: 92.1, spade: 85.5, adtr: 96.4, "adtr+": 96.9 }),
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
    image_auroc: meansOf({ gt: 82.3, "loc-glo": 70.5, ts: 82, kdad: 87.2, adtr: 94.7, "adtr+": 96.1 }),
  },
};

/**
 * The rows of the paper's tables, by what `--methods` calls a table: 1 and 2 are of MVTec-AD, 3 of CIFAR-10. Those of Table 2
 * are not all known (docs/reproduce.md). Not every method need be there.
 */
export const PAPER_TABLES: ReadonlyMap<string, readonly string[]> = new Map([
  ["table1", Object.keys(PAPER_NUMBERS.mvtec.pixel_auroc)],
  ["table2", "ganomaly arnet scadn gt dsvdd kdad ts psvdd spade adtr adtr+".split(" ")],
  [
    "table3",
    "vae kde lsa dsvdd anogan ocgan gradcon gt loc-glo ts kdad arnet adtr adtr+".split(" "),
  ],
]);
