import assert from "node:assert/strict";
import { copyBox } from "../../../src/kernels/dense/boxes.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";

Deno.test("copyBox copies or adds runs between any places, of many values too", async () => {
  for (
    const [from, to, [outer, middle, inner]] of [
      [{ offset: 3, outer: 40, middle: 7 }, { offset: 1, outer: 20, middle: 5 }, [2, 3, 5]], // one float at a time
      [{ offset: 4, outer: 64, middle: 16 }, { offset: 8, outer: 48, middle: 12 }, [3, 2, 8]], // four
      [{ outer: 4 }, { outer: 12, middle: 4 }, [2, 3, 4]], // repeated
      [{ middle: 4 }, { middle: 8 }, [1, 64 * 4096 + 1, 4]], // two rows of workgroups
    ] as const
  ) {
    const at = (side: { offset?: number; outer?: number; middle?: number }, o: number, m: number) =>
      (side.offset ?? 0) + o * (side.outer ?? 0) + m * (side.middle ?? 0);
    const [sizeX, sizeY] = [from, to].map((side) => at(side, outer - 1, middle - 1) + inner + 3);
    const x = fill("x", sizeX), before = fill("y", sizeY), y = gpu.tensor(before), gx = gpu.tensor(x);
    for (const add of [true, false]) {
      const wanted = before.slice();
      for (let o = 0; o < outer; o++) {
        for (let m = 0; m < middle; m++) {
          for (let i = 0; i < inner; i++) {
            const v = x[at(from, o, m) + i];
            wanted[at(to, o, m) + i] = add ? wanted[at(to, o, m) + i] + v : v;
          }
        }
      }
      copyBox(gpu, gx, from, y, to, [outer, middle, inner], add);
      assert.deepEqual(await gpu.read(y), wanted);
    }
  }
});

Deno.test("copyBox refuses boxes that do not lie within", () => {
  const x = gpu.empty([2, 4]), y = gpu.empty([8]);
  assert.throws(() => copyBox(gpu, x, { middle: 4 }, y, { offset: 1, middle: 4 }, [1, 2, 4]), /up to 9/);
  assert.throws(
    () => copyBox(gpu, x, { middle: 8 }, y, { middle: 4 }, [1, 2, 4]),
    /within \[2,4\].* up to 12/,
  );
});
