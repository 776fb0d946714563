import assert from "node:assert/strict";
import { mean } from "../../src/autograd/reductions.ts";
import { ssim, type SsimOptions } from "../../src/autograd/ssim.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { hardware } from "../hardware.ts";
import * as reference from "../reference/ssim.ts";
import { backwardDispatches, checkOp, type Op } from "./check.ts";
import { meetsGolden } from "./golden.ts";

function op(shape: readonly number[], options: SsimOptions = {}): Op<"x" | "y"> {
  const { window = 11, sigma = 1.5, c1 = 0.01 ** 2, c2 = 0.03 ** 2, range = 1 } = options;
  const of = { shape, window, sigma, c1: c1 * range ** 2, c2: c2 * range ** 2 };
  return {
    inputs: { x: shape, y: shape },
    run: (tape, { x, y }) => ssim(tape, x, y, options),
    forward: ({ x, y }) => reference.ssim(of, x, y),
    backward: (dmap, { x, y }) => reference.ssimBackward(of, dmap, x, y),
  };
}

// Values of −1 to 1: their range is 2, and constants that small next to it leave finite differences no digits.
const CASES: [shape: number[], options: SsimOptions][] = [
  [[1, 9, 10, 1], { window: 5, range: 2 }],
  [[2, 4, 11, 3], { window: 5, range: 2 }], // windows higher than the map
  [[1, 1, 17, 1], { window: 5, range: 2 }],
  [[1, 3, 2, 2], { range: 2 }], // windows far larger
  [[2, 6, 5, 4], { window: 7, sigma: null, c1: 0.1, c2: 0.2 }],
];

for (const [shape, options] of CASES) {
  Deno.test(`ssim [${shape}] ${JSON.stringify(options)}: map and gradients of both sides`, async () => {
    await checkOp(op(shape, options));
  });
}

Deno.test("ssim on hardware: map and gradients", async () => {
  await checkOp({ ...op([2, 5, 6, 3], { window: 5, range: 2 }), on: hardware });
});

Deno.test("ssim is PyTorch's, windows cut off at the border", async () => {
  const shape = [2, 13, 18, 3] as const, inputs = { x: [shape, 0, 1], y: [shape, 0, 1] } as const;
  await meetsGolden("ssim", inputs, (tape, { x, y }) => ssim(tape, x, y), 1e-5);
  await meetsGolden(
    "ssim.box",
    { x: [shape, 0, 255], y: [shape, 0, 255] },
    (tape, { x, y }) => ssim(tape, x, y, { window: 7, sigma: null, range: 255 }),
    1e-5,
  );
});

Deno.test("ssim of equal maps is 1, flat ones included, and nothing draws at them", async () => {
  await gpu.step(async (gpu) => {
    const shape = [2, 12, 12, 3], values = fill("some", 864, 0, 1).map((v, i) => i < 432 ? 0.75 : v);
    const tape = new Tape(gpu), x = gpu.tensor(values, shape), y = gpu.tensor(values, shape);
    x.requiresGrad = true;
    const map = ssim(tape, x, y);
    tape.backward(mean(tape, map));
    const [found, dx] = await gpu.stream.read(map, tape.gradient(x));
    assert.ok(found.every((s) => s === 1) && dx.every((d) => Math.abs(d) === 0));
  });
});

Deno.test("ssim of an image and itself, as one tensor: gradients of both sides cancel", async () => {
  await gpu.step(async (gpu) => {
    const tape = new Tape(gpu), x = gpu.tensor(fill("x", 5 * 6 * 3), [1, 5, 6, 3]);
    x.requiresGrad = true;
    tape.backward(mean(tape, ssim(tape, x, x)));
    assert.ok((await gpu.read(tape.gradient(x))).every((d) => Math.abs(d) === 0));
  });
});

Deno.test("an image's map does not depend on the batch, nor on whether gradients are wanted", async () => {
  await gpu.step(async (gpu) => {
    const image = 9 * 10 * 3, x = fill("x", 3 * image), y = fill("y", 3 * image);
    const of = (values: Float32Array) => gpu.tensor(values, [values.length / image, 9, 10, 3]);
    const [third, both] = [x, y].map((v) => of(v.slice(2 * image))), all = [of(x), of(y)];
    all[0].requiresGrad = true;
    const [alone, among] = await gpu.stream.read(
      ssim(new Tape(gpu, { record: false }), third, both),
      ssim(new Tape(gpu), all[0], all[1]),
    );
    assert.deepEqual(alone, among.slice(2 * image));
  });
});

Deno.test("ssim: frozen inputs cost nothing", async () => {
  assert.equal(await backwardDispatches(op([1, 4, 4, 1])), 3); // one run back, one for each side
  assert.equal(await backwardDispatches(op([1, 4, 4, 1]), "y"), 2);
});

Deno.test("ssim refuses what does not fit", () => {
  const tape = new Tape(gpu), x = gpu.empty([1, 2, 3, 1]);
  const refused = (message: RegExp, y = x, options: SsimOptions = {}) =>
    assert.throws(() => ssim(tape, x, y, options), { name: "RangeError", message });
  refused(/Expected two maps \[1,2,3,1\], but found \[1,3,2,1\]/, gpu.empty([1, 3, 2, 1]));
  assert.throws(() => ssim(tape, x.view([2, 3]), x), /maps \[B, H, W, C\], but found \[2,3\]/);
  for (const window of [0, 4, 2.5, 33, -1, NaN]) {
    refused(/an odd window of 1 to 31, but found/, x, { window });
  }
  for (const sigma of [0, -1, NaN]) refused(/sigma above 0, but found/, x, { sigma });
  refused(/c1 above 0, but found 0/, x, { c1: 0 });
  refused(/c2 above 0, but found -1/, x, { c2: -1 });
  refused(/range above 0, but found NaN/, x, { range: NaN });
});
