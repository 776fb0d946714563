import assert from "node:assert/strict";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import { windowAxis } from "../../../src/kernels/conv/axis.ts";
import { correlate, type Ending } from "../../../src/kernels/conv/correlate.ts";
import type { Window } from "../../../src/kernels/conv/geometry.ts";
import { packFilters } from "../../../src/kernels/conv/pack_filters.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { alone, variants } from "../../hardware.ts";
import * as reference from "../../reference/backbone.ts";

const GPUS: Record<string, Gpu> = { ...variants, "no subgroups": alone };

const CASES: [shape: number[], O: number, k: number, window: Window][] = [
  [[1, 1, 1, 4], 4, 3, { stride: 1, top: 1, left: 1, outH: 1, outW: 1 }],
  [[2, 5, 7, 12], 20, 3, { stride: 1, top: 1, left: 1, outH: 5, outW: 7 }],
  [[3, 8, 6, 5], 7, 5, { stride: 2, top: 1, left: 2, outH: 4, outW: 3 }], // zeros: 1 above, 2 below, 2 left, 1 right
  [[2, 9, 5, 8], 12, 3, { stride: 2, top: 0, left: 2, outH: 4, outW: 3 }], // zeros: 2 left, none above and below
  [[2, 7, 9, 16], 36, 1, { stride: 2, top: 0, left: 0, outH: 4, outW: 5 }],
  [[1, 33, 31, 3], 64, 7, { stride: 2, top: 3, left: 3, outH: 17, outW: 16 }],
  [[2, 19, 23, 2], 6, 3, { stride: 1, top: 1, left: 1, outH: 19, outW: 23 }],
];

function run(on: Gpu, shape: readonly number[], O: number, k: number, window: Window, ending: Ending) {
  const x = fill("x", shape.reduce((a, b) => a * b)),
    weight = fill("w", O * shape[3] * k * k),
    bias = fill("b", O);
  const { stride, top, left, outH, outW } = window;
  const axes = [windowAxis(outH, k, stride, top), windowAxis(outW, k, stride, left)] as const;
  const filters = packFilters(on, on.tensor(weight, [O, shape[3], k, k]), on.tensor(bias), axes);
  const y = on.tensor(fill("y", shape[0] * outH * outW * O), [shape[0], outH, outW, O]);
  correlate(on, on.tensor(x, shape), filters, y, axes, ending);
  return { y, linear: reference.conv(x, [...shape], weight, bias, k, window, 1) };
}

for (const [name, on] of Object.entries(GPUS)) {
  Deno.test(`correlate meets plain loops, with every ending: ${name}`, async () => {
    for (const [shape, O, k, window] of CASES) {
      const { y, linear } = run(on, shape, O, k, window, {});
      const added = fill("s", linear.length), before = fill("y", linear.length);
      reference.assertClose(await gpu.read(y), linear, 1e-6, `${shape}`);
      const skip = gpu.tensor(added, y.shape), sum = linear.map((v, i) => v + added[i]);
      const rest: [Ending, Float64Array][] = [
        [{ skip, act: "relu" }, sum.map(reference.activations.relu)],
        [{ add: true }, linear.map((v, i) => v + before[i])],
      ];
      for (const [ending, wanted] of k === 3 ? rest : []) {
        const { y } = run(on, shape, O, k, window, ending);
        reference.assertClose(await gpu.read(y), wanted, 1e-6, `${shape} ${Object.keys(ending)}`);
      }
    }
  });
}

Deno.test("correlate has every activation", async () => {
  for (const act of ["relu6", "silu", "sigmoid", "tanh", "elu", "softplus", { leaky: 0.1 }] as const) {
    const { y, linear } = run(gpu, ...CASES[3], { act });
    const wanted = linear.map(reference.activations[typeof act === "string" ? act : "leaky"]);
    reference.assertClose(await gpu.read(y), wanted, 1e-6, JSON.stringify(act));
  }
});

Deno.test("correlate refuses filters and sums that do not fit", () => {
  const axis = windowAxis(4, 3, 1, 1), weight = gpu.empty([8, 4, 3, 3]), y = gpu.empty([1, 4, 4, 8]);
  const filters = packFilters(gpu, weight, null, [axis, axis]);
  const refuses = (x: number[], y: number[], skip: number[] | null, message: RegExp) =>
    assert.throws(
      () =>
        correlate(
          gpu,
          gpu.empty(x),
          filters,
          gpu.empty(y),
          [axis, axis],
          skip ? { skip: gpu.empty(skip) } : {},
        ),
      { name: "RangeError", message },
    );
  refuses([1, 4, 4, 3], y.shape as number[], null, /maps of 3 channels to 8, but found filters from 4 to 8/);
  refuses([1, 4, 4, 4], [1, 4, 4, 4], null, /maps of 4 channels to 4, but found/);
  refuses([1, 4, 4, 4], [1, 4, 4, 8], [1, 2, 4, 8], /\[1,4,4,8\] to add, but found \[1,2,4,8\]/);
});
