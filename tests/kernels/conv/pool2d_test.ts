import assert from "node:assert/strict";
import type { Window } from "../../../src/kernels/conv/geometry.ts";
import { maxPool } from "../../../src/kernels/conv/pool2d.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import * as reference from "../../reference/backbone.ts";

Deno.test("maxPool meets plain loops, and what lies outside does not count", async () => {
  const cases: [shape: number[], k: number, window: Window][] = [
    [[1, 1, 1, 4], 3, { stride: 2, top: 1, left: 1, outH: 1, outW: 1 }],
    [[2, 7, 10, 12], 3, { stride: 2, top: 1, left: 1, outH: 4, outW: 5 }],
    [[3, 33, 32, 64], 3, { stride: 2, top: 1, left: 1, outH: 17, outW: 16 }],
    [[2, 5, 4, 3], 3, { stride: 2, top: 1, left: 0, outH: 3, outW: 1 }],
    [[1, 6, 5, 4], 2, { stride: 1, top: 0, left: 1, outH: 5, outW: 6 }],
  ];
  for (const [shape, k, window] of cases) {
    const x = fill("x", shape.reduce((a, b) => a * b), -3, -1); // a 0 from outside would win
    const y = maxPool(gpu, gpu.tensor(x, shape), k, window);
    assert.deepEqual(y.shape, [shape[0], window.outH, window.outW, shape[3]]);
    assert.deepEqual([...await gpu.read(y)], reference.maxPool(x, shape, k, window), `${shape}`);
  }
});
