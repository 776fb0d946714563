/**
 * ADTR+'s losses, and FCDD's: against PyTorch, against plain loops and finite differences, at the corners, and in padding.
 *
 * @module
 */
import assert from "node:assert/strict";
import { pseudoHuber } from "../../src/autograd/arithmetic.ts";
import { fcddLoss, imageLoss, pixelLoss } from "../../src/autograd/losses.ts";
import { add, meanSquaredError } from "../../src/autograd/ops.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { paddedChannels } from "../../src/model/layout.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { float32Of } from "../../src/formats/tensor_file.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { hardware, variants } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";
import * as reference from "../reference/losses.ts";
import { checkOp } from "./check.ts";
import { meetsGolden } from "./golden.ts";

const { tensors: golden } = await readSafetensors(
  new URL("../golden/losses.safetensors", import.meta.url).pathname,
);
const stored = (name: string): Float32Array => float32Of(golden.get(name)!);

/** A batch: everything [B, N, C], y [B, N], or [B] with a k. */
interface Case {
  x: Float32Array;
  target: Float32Array;
  y: Float32Array;
  N: number;
  C: number;
  k?: number;
}

/** The same numbers as golden/losses.py. */
function made(name: string, N: number, C: number, scales: number[], labels: number[], k?: number): Case {
  const count = scales.length * N * C;
  const d = fill(`${name}.d`, count), target = fill(`${name}.target`, count);
  const x = target.map((t, i) => t + Math.fround(d[i] * Math.fround(scales[Math.floor(i / (N * C))])));
  const uniform = fill(`${name}.y`, scales.length * N, 0, 1);
  const y = k === undefined
    ? uniform.map((u, i) => u < Math.fround(labels[Math.floor(i / N)]) ? 1 : 0)
    : Float32Array.from(labels);
  return { x, target, y, N, C, k };
}

const CASES: Record<string, Case> = {
  "px.mixed": made("px.mixed", 64, 6, [1, 1, 3, 0.3], [0.1, 0.5, 0.2, 0.02]),
  "px.corners": made("px.corners", 12, 8, [1, 1, 1e-2, 1e-3, 1e-5, 30], [0, 1, 0.5, 1, 1, 0.5]),
  "img.mixed": made("img.mixed", 64, 6, [1, 1, 3, 0.3], [0, 1, 1, 0], 20),
  "img.corners": made("img.corners", 20, 8, [1, 1e-2, 1e-3, 1e-5, 1e-5, 30], [0, 1, 1, 1, 0, 1], 20),
};

/** The loss and its gradient [B, N, C] on the GPU; channels are padded as the model does it. */
async function computed(on: Gpu, { x, target, y, N, C, k }: Case, channels = C) {
  const wide = paddedChannels(C), B = x.length / (N * C);
  const pad = (values: Float32Array): Tensor =>
    on.tensor(
      Float32Array.from(
        { length: B * N * wide },
        (_, i) => i % wide < C ? values[Math.floor(i / wide) * C + i % wide] : 0,
      ),
      [B, N, wide],
    );
  return await on.step(async (on) => {
    const tape = new Tape(on), a = pad(x);
    a.requiresGrad = true;
    const loss = k === undefined
      ? pixelLoss(tape, a, pad(target), on.tensor(y, [B, N]), { channels })
      : imageLoss(tape, a, pad(target), on.tensor(y), { channels, k });
    tape.backward(loss);
    const [[value], gradient] = await on.stream.read(loss, tape.gradient(a));
    assert.ok(gradient.every((g, i) => i % wide < C || g === 0), "padding has a gradient");
    return { loss: value, gradient: gradient.filter((_, i) => i % wide < C) };
  });
}

const inputOf = ({ x, target, y, N, C }: Case) => ({
  x,
  target,
  y,
  B: x.length / (N * C),
  N,
  C,
  alpha: 0.003,
});

function referenceOf(input: Case): reference.LossAndGradient {
  const { k } = input;
  return k === undefined
    ? reference.pixelLoss(inputOf(input))
    : reference.imageLoss({ ...inputOf(input), k });
}

/** Image by image, since one that is hardly wrong at all must not hide behind one that is. */
function assertGradients(
  found: ArrayLike<number>,
  wanted: ArrayLike<number>,
  { N, C }: Case,
  tolerance: number,
) {
  for (let from = 0; from < wanted.length; from += N * C) {
    const part = (values: ArrayLike<number>) => Array.prototype.slice.call(values, from, from + N * C);
    if (part(wanted).some((g) => g !== 0)) assertClose(part(found), part(wanted), tolerance);
    else assert.deepEqual(new Set(part(found).map(Math.abs)), new Set([0]));
  }
}

for (const [name, input] of Object.entries(CASES)) {
  for (const [variant, on] of Object.entries(variants)) {
    Deno.test(`${name} and its gradient meet PyTorch's (${variant})`, async () => {
      const { loss, gradient } = await computed(on, input);
      assert.ok(Math.abs(loss / stored(`loss.${name}`)[0] - 1) < 1e-6, `${loss}`);
      assertGradients(gradient, stored(`gradient.${name}`), input, 2e-6);
      const again = await computed(on, input);
      assert.deepEqual(again, { loss, gradient });
    });
  }

  Deno.test(`${name}: the plain loops meet PyTorch's numbers and finite differences`, () => {
    const { loss, gradient } = referenceOf(input);
    assert.ok(Math.abs(loss / stored(`loss.${name}`)[0] - 1) < 1e-7, `${loss}`);
    assertGradients(gradient, stored(`gradient.${name}`), input, 1e-6);
    for (let i = 3; i < input.x.length; i += 37) {
      const x = Float64Array.from(input.x), step = 1e-3 * Math.abs(x[i] - input.target[i]);
      const at = (to: number): number => {
        x[i] = input.x[i] + to;
        return referenceOf({ ...input, x: x as unknown as Float32Array }).loss;
      };
      const slope = (at(step) - at(-step)) / (2 * step);
      // Rounding of the loss over the step, and what a small step leaves out.
      const slack = 1e-15 / step + 1e-4 * Math.abs(gradient[i]);
      assert.ok(Math.abs(slope - gradient[i]) <= slack, `${i}: ${slope}, ${gradient[i]}`);
    }
  });
}

Deno.test("φ of 0 pushed and pulled: finite losses, no gradient", async () => {
  const target = fill("same", 2 * 4 * 4);
  for (const input of [{ y: [1, 1, 1, 1, 1, 0, 0, 0] }, { y: [1, 0], k: 2 }]) {
    const same = { x: target, target, N: 4, C: 4, k: input.k, y: Float32Array.from(input.y) };
    const { loss, gradient } = await computed(gpu, same);
    const pushed = input.k ? 1 : 2;
    assert.ok(Math.abs(loss / (pushed / 2 * 0.003 * 7 * Math.LN10) - 1) < 1e-6, `${loss}`);
    assert.deepEqual(new Set(gradient.map(Math.abs)), new Set([0]));
  }
});

Deno.test("of equal φ the first count: one more or less would move the gradient, not the loss", async () => {
  const input: Case = {
    target: new Float32Array(8),
    x: new Float32Array(8).fill(0.5),
    y: new Float32Array(1),
    N: 8,
    C: 1,
    k: 3,
  };
  const { gradient } = await computed(gpu, input);
  assert.deepEqual([...gradient].map((g) => g > 0), [1, 1, 1, 0, 0, 0, 0, 0].map(Boolean));
});

Deno.test("a loss that is not a number stays so, also where the number is pushed", async () => {
  const input = { ...CASES["px.corners"], x: CASES["px.corners"].x.map((v, i) => i === 12 * 8 ? NaN : v) };
  assert.ok(Number.isNaN((await computed(gpu, input)).loss));
});

Deno.test("gradients add up with those of other losses of the same tensor", async () => {
  const input = CASES["px.mixed"], { gradient } = referenceOf(input);
  await gpu.step(async (gpu) => {
    const tape = new Tape(gpu), shape = [4, 64, 6];
    const x = gpu.tensor(input.x, shape), target = gpu.tensor(input.target, shape);
    x.requiresGrad = true;
    const pixel = pixelLoss(tape, x, target, gpu.tensor(input.y, [4, 64]));
    tape.backward(add(tape, meanSquaredError(tape, x, target), pixel));
    const wanted = gradient.map((g, i) => g + 2 * (input.x[i] - input.target[i]) / gradient.length);
    assertClose(await gpu.read(tape.gradient(x)), wanted, 1e-6);
  });
});

/** Labels of golden/ops_losses.py: none of the first image's is anomalous. */
function labels(B: number, each: number): Float32Array {
  return fill("fcdd.labels", B * each, 0, 1).map((u, i) => +(u < Math.fround(0.4) && i >= each));
}

for (const kind of ["images", "positions"] as const) {
  Deno.test(`FCDD's loss with labels of ${kind}: plain loops, finite differences, and PyTorch's numbers`, async () => {
    const shape = [5, 3, 4, 1], [B] = shape, N = 12, y = labels(B, kind === "images" ? 1 : N);
    const labelled = (tape: Tape, A: Tensor) =>
      fcddLoss(tape, A, tape.gpu.tensor(y, kind === "images" ? [B] : shape));
    for (const on of [gpu, hardware]) {
      await checkOp<"a">({
        on,
        inputs: { a: shape },
        run: (tape, { a }) => labelled(tape, pseudoHuber(tape, a)),
        forward: ({ a }) => Float64Array.of(reference.fcddLoss(a, y, B).loss),
        backward: (dy, { a }) => ({ a: reference.fcddLoss(a, y, B).gradient.map((d) => dy[0] * d) }),
      });
    }
    await meetsGolden(
      `fcdd.${kind}`,
      { a: [shape, -2, 2] },
      (tape, { a }) => labelled(tape, pseudoHuber(tape, a)),
    );
  });
}

Deno.test("FCDD's loss of maps of zeros: finite, without a gradient where they are pushed", async () => {
  const tape = new Tape(gpu), A = gpu.tensor(new Float32Array(6), [2, 3]);
  A.requiresGrad = true;
  const loss = fcddLoss(tape, A, gpu.tensor([0, 1]));
  tape.backward(loss);
  const [[value], gradient] = await gpu.stream.read(loss, tape.gradient(A));
  assert.ok(Math.abs(value / (7 * Math.LN10 / 2) - 1) < 1e-6, `${value}`);
  assert.deepEqual([...gradient].map(Math.abs), [1 / 6, 1 / 6, 1 / 6, 0, 0, 0].map(Math.fround));
});

Deno.test("shapes that don't fit, and a k beyond the positions, are refused", () => {
  const tape = new Tape(gpu), x = gpu.tensor(new Float32Array(24), [2, 3, 4]);
  const of = (...shape: number[]) => gpu.empty(shape);
  const refused = (loss: () => Tensor, message: RegExp) =>
    assert.throws(loss, { name: "RangeError", message });
  refused(() => fcddLoss(tape, x, of(2, 3)), /labels \[2,3,4\] of the positions or \[2\] of the images, but/);
  refused(() => pixelLoss(tape, x, x, of(2)), /Expected labels \[2, 3\] of the positions, but found \[2\]/);
  refused(() => imageLoss(tape, x, x, of(2, 3)), /Expected labels \[2\] of the images, but found \[2,3\]/);
  refused(() => pixelLoss(tape, x, of(2, 3, 8), of(2, 3)), /Expected a target \[2,3,4\]/);
  for (const k of [0, 1.5, 4, NaN]) {
    refused(() => imageLoss(tape, x, x, of(2), { k }), /k of 1 to 3, the number of positions, but found/);
  }
  refused(() => imageLoss(tape, x, x, of(2)), /but found 20/);
  const target = of(2, 3, 4);
  target.requiresGrad = true;
  assert.throws(() => pixelLoss(tape, x, target, of(2, 3)), /requires no gradient/);
});
