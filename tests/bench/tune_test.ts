/**
 * The tuner: every family's present tile is right at small shapes, a wrong or refused candidate is out and never picked, and
 * what is printed are rows of the tables.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { attentionFamily } from "../../src/bench/tune/attention.ts";
import { correlateFamily, depthwiseFamily, weightFamily } from "../../src/bench/tune/convolution.ts";
import { best, type Family, fault, operand, type Tried } from "../../src/bench/tune/family.ts";
import { formatTuning } from "../../src/bench/tune/format.ts";
import { gemmFamily } from "../../src/bench/tune/gemm.ts";
import { tuneFamily } from "../../src/bench/tune/tune.ts";
import { accumulate, fill } from "../../src/kernels/dense/elementwise.ts";
import { hardware } from "../hardware.ts";
import { gpu } from "../gpu.ts";

const layer = { B: 1, side: 8, C: 8, O: 8, k: 3, stride: 1 };
const families = [
  gemmFamily("software", [{ M: 40, K: 16, N: 24, note: "forward", transB: true }, {
    M: 16,
    K: 600,
    N: 8,
    note: "split",
    transA: true,
  }]),
  attentionFamily("software", [{ B: 2, N: 12, D: 8, heads: 2 }]),
  correlateFamily("software", [layer, { ...layer, k: 4, stride: 2 }]),
  weightFamily("software", [layer, { ...layer, k: 4, stride: 2 }]),
  depthwiseFamily("software", [layer, { ...layer, k: 5, stride: 2 }]),
] as unknown as Family<unknown>[];

for (const family of families) {
  for (const [kind, on] of Object.entries({ software: gpu, hardware })) {
    Deno.test(`${family.name}: what is known of the results is so, with the tiles of ${kind} too`, async () => {
      const [first, second] = family.candidates(on.profile);
      for (const { row, shape, prepare } of family.problems) {
        const { run, outputs } = prepare(on);
        for (const tile of [family.present(row, on.profile), first, second]) {
          for (const { tensor } of outputs) fill(on, tensor, 1e30);
          await on.step(() => run(tile));
          for (const { tensor, samples } of outputs) {
            ok(samples.length > 30);
            equal(fault(await on.read(tensor), samples, null), null, `${shape} ${JSON.stringify(tile)}`);
          }
        }
      }
    });
  }
}

/** A product by 2 of which some tiles are wrong. */
function family(tiles: string[]): Family<string> {
  return {
    name: "twice",
    file: "nowhere.ts",
    present: () => "good",
    candidates: () => tiles,
    problems: [{
      shape: "1000",
      note: "",
      row: "all",
      flops: 1000,
      prepare(gpu) {
        const x = operand(1, 1000), twice = (i: number) => 2 * x[i];
        const right = gpu.tensor(x.map((v) => 2 * v)), y = gpu.empty([1000]);
        return {
          run(tile) {
            if (tile === "refused") throw new Error("no such tile\nmore");
            if (tile === "unwritten") return;
            if (tile === "zeros") return fill(gpu, y, 0);
            accumulate(gpu, right, y, false, tile === "slightly" ? 1.01 : 1);
          },
          outputs: [{ tensor: y, samples: [0, 500, 999].map((i) => [i, twice(i)] as const) }],
        };
      },
    }],
    code: (tried) => `best = ${best(tried, [0])?.tile}`,
  };
}

Deno.test("wrong, unwritten and refused results are out, whatever time they took", async () => {
  const wrong = ["zeros", "unwritten", "slightly", "refused"];
  const { tried, left, code } = await tuneFamily(family([...wrong, "good"]), { seconds: 60 });
  deepEqual(tried.map(({ tile }) => tile), ["table", ...wrong, "good"]);
  deepEqual(left, []);
  for (const { tile, ms, faults } of tried) {
    const isWrong = wrong.includes(tile as string);
    equal(ms[0] === null, isWrong, `${tile}`);
    equal(faults.length, isWrong ? 1 : 0, `${tile}`);
  }
  match(tried[1].faults[0], /value 0 is 0, not /);
  match(tried[4].faults[0], /: no such tile$/);
  ok(["best = table", "best = good"].includes(code), code);
});

Deno.test("where the time is over, candidates are left and the table is tried all the same", async () => {
  const { tried, left } = await tuneFamily(family(["good"]), { seconds: 0 });
  deepEqual([tried.length, left], [1, ["good"]]);
});

Deno.test("values between the samples are held against a result that was right", () => {
  const right = operand(1, 100), samples = [[0, right[0]], [99, right[99]]] as const;
  equal(fault(right, samples, right), null);
  const other = right.slice();
  other[50] += 0.1;
  equal(fault(other, samples, null), null);
  match(fault(other, samples, right)!, /^value 50 /);
  other[50] = NaN;
  match(fault(other, samples, right)!, /^value 50 is NaN/);
});

Deno.test("the table stays where nothing gains more than noise", () => {
  const tried = (...ms: (number | null)[][]): Tried<number>[] =>
    ms.map((ms, i) => ({ tile: i === 0 ? "table" : i, ms, faults: [] }));
  equal(best(tried([1, 1], [0.99, 0.98], [2, 2]), [0, 1])!.tile, "table");
  equal(best(tried([1, 1], [0.9, 0.9], [2, 0.1]), [0, 1])!.tile, 2);
  equal(best(tried([1, 1], [0.1, null], [0.9, 0.9]), [0, 1])!.tile, 2); // wrong at one is out
  equal(best(tried([null], [null]), [0]), null);
});

Deno.test("rows of products: large and small, and a subgroup's", () => {
  const shapes = gemmFamily("hardware"), hard = { kind: "hardware", subgroup: 32, f16: false } as const;
  const small = { TM: 4, TN: 4, THREADS: 64 }, large = { TM: 8, TN: 8, THREADS: 64 };
  const tried = (ms: (flops: number) => number) => shapes.problems.map(({ flops }) => ms(flops));
  const isLarge = (flops: number) => flops > 1e9;
  const both = [
    { tile: "table" as const, ms: tried(() => 10), faults: [] },
    { tile: small, ms: tried((f) => isLarge(f) ? 9 : 1), faults: [] },
    { tile: large, ms: tried((f) => isLarge(f) ? 1 : 9), faults: [] },
  ];
  const code = shapes.code(both, shapes.problems, hard);
  match(
    code,
    /^TILES.hardware = \[\{ TM: 8, TN: 8, THREADS: 64, work: \d+, threads: 0 \}, \{ TM: 4, TN: 4, /,
  );
  match(code, /SHARED.hardware = null\nENOUGH_THREADS.hardware = 16384$/);
  const shared = { tile: { TM: 4, TN: 32, THREADS: 32, shared: true }, ms: tried(() => 0.5), faults: [] };
  match(shapes.code([...both, shared], shapes.problems, hard), /SHARED.hardware = \{ TM: 4, TN: 32 \}/);
  const slower = both.map((one, i) => i === 0 ? { ...one, ms: tried(() => 0.9) } : one);
  match(shapes.code(slower, shapes.problems, hard), /as it is/);
});

Deno.test("what was found, in words", async () => {
  const families = [await tuneFamily(family(["zeros"]), { seconds: 60 })];
  const text = formatTuning({ adapter: "A GPU", kind: "hardware", subgroup: 0, seconds: 3, families });
  match(text, /^A GPU: hardware, no threads a subgroup, 3 s\n\ntwice, ms /);
  match(text, /not right: "?zeros"?: 1000 : value 0 is 0, not /);
  match(text, /\/\/ nowhere.ts\nbest = table$/);
});
