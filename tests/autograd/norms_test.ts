import assert from "node:assert/strict";
import { batchNorm, instanceNorm } from "../../src/autograd/norms.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { hardware } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";
import * as reference from "../reference/norms.ts";
import type { Values } from "../reference/training.ts";
import { assertSameAlone } from "./alone.ts";
import { backwardDispatches, checkOp, type Op } from "./check.ts";

type Inputs = "x" | "weight" | "bias";

/** Running statistics that are neither 0 nor 1. */
const before = (C: number): reference.Statistics => ({
  mean: Float64Array.from(fill("running mean", C)),
  variance: Float64Array.from(fill("running variance", C, 0.5, 2)),
});
const onGpu = (C: number) => ({
  mean: gpu.tensor(before(C).mean),
  variance: gpu.tensor(before(C).variance),
});

/** A normalisation whose reference takes these statistics. */
function op(
  shape: number[],
  of: (x: Values) => reference.Statistics,
  own: boolean,
  run: (tape: Tape, x: Tensor, affine: { weight: Tensor; bias: Tensor }) => Tensor,
): Op<Inputs> {
  const C = shape[shape.length - 1];
  return {
    inputs: { x: shape, weight: [C], bias: [C] },
    run: (tape, { x, weight, bias }) => run(tape, x, { weight, bias }),
    forward: ({ x, weight, bias }) => reference.normalise(x, of(x), C, weight, bias),
    backward(dy, { x, weight }) {
      const { dx, dweight, dbias } = reference.normaliseBackward(dy, x, of(x), C, weight, own);
      return { x: dx, weight: dweight, bias: dbias };
    },
  };
}

function batch(shape: number[], training: boolean): Op<Inputs> {
  const C = shape[shape.length - 1], of = (x: Values) => training ? reference.statistics(x, C, 1) : before(C);
  return op(
    shape,
    of,
    training,
    (tape, x, affine) => batchNorm(tape, x, affine, onGpu(C), { training }),
  );
}

function instance(shape: number[]): Op<Inputs> {
  const [B, , , C] = shape;
  return op(
    shape,
    (x) => reference.statistics(x, C, B),
    true,
    (tape, x, affine) => instanceNorm(tape, x, affine),
  );
}

/** An op without weight and bias. */
function plain(
  shape: number[],
  groups: number,
  run: (tape: Tape, x: Tensor) => Tensor,
): Op<"x"> {
  const C = shape[shape.length - 1], of = (x: Values) => reference.statistics(x, C, groups);
  return {
    inputs: { x: shape },
    run: (tape, { x }) => run(tape, x),
    forward: ({ x }) => reference.normalise(x, of(x), C, null, null),
    backward: (dy, { x }) => ({ x: reference.normaliseBackward(dy, x, of(x), C, null, true).dx }),
  };
}

const SHAPES = [[3, 1], [7, 4], [2, 3, 5, 3], [3, 5, 9, 4], [2, 2, 1, 8]]; // of these 135 rows are three blocks

for (const shape of SHAPES) {
  Deno.test(`batchNorm [${shape}] in training and evaluation: result and gradients`, async () => {
    await checkOp(batch(shape, true));
    await checkOp(batch(shape, false));
  });
}

for (const shape of [[1, 1, 3, 1], [2, 3, 5, 3], [2, 9, 15, 4]]) {
  Deno.test(`instanceNorm [${shape}]: result and gradients`, async () => {
    await checkOp(instance(shape));
  });
}

Deno.test("normalisation without weight and bias: result and gradients", async () => {
  const shape = [2, 4, 3, 4];
  await checkOp(plain(shape, 1, (tape, x) => batchNorm(tape, x, null, onGpu(4), { training: true })));
  await checkOp(plain(shape, 2, (tape, x) => instanceNorm(tape, x, null)));
});

Deno.test("batchNorm on hardware: result and gradients", async () => {
  await checkOp({ ...batch([2, 5, 7, 4], true), on: hardware });
});

Deno.test("training moves running statistics, evaluation does not, and takes what they were", async () => {
  for (const shape of [[3, 5], [70, 8, 8, 3]]) { // 4480 rows: blocks of blocks
    const C = shape[shape.length - 1], rows = shape.slice(0, -1).reduce((a, b) => a * b);
    const running = onGpu(C), wanted = [before(C)];
    await gpu.step(async (on) => {
      const tape = new Tape(on, { record: false });
      for (const [step, momentum] of [0.1, 0.3].entries()) {
        const x = fill(`step ${step}`, rows * C, -2, 5);
        batchNorm(tape, on.tensor(x, shape), null, running, { training: true, momentum });
        wanted.push(reference.track(wanted[step], reference.statistics(x, C, 1), rows, momentum));
      }
      const x = fill("x", rows * C), eps = 0.01;
      const y = batchNorm(tape, on.tensor(x, shape), null, running, { training: false, eps });
      const [found, mean, variance] = await on.stream.read(y, running.mean, running.variance);
      assertClose(found, reference.normalise(x, wanted[2], C, null, null, eps), 1e-6);
      assertClose(mean, wanted[2].mean, 1e-6);
      assertClose(variance, wanted[2].variance, 1e-6);
    });
  }
});

Deno.test("gradients in evaluation are those of the statistics that were taken, whatever becomes of them", async () => {
  const shape = [4, 3], x = fill("x", 12), dy = fill("dy", 12);
  await gpu.step(async (on) => {
    const tape = new Tape(on), input = on.tensor(x, shape), running = onGpu(3);
    input.requiresGrad = true;
    const y = batchNorm(tape, input, null, running, { training: false });
    batchNorm(tape, on.tensor(fill("others", 12), shape), null, running, { training: true });
    const loss = tape.record("weighted", on.empty([1]), [y], () => {
      on.stream.copy(on.tensor(dy, shape), tape.into(y)!.tensor);
    });
    tape.backward(loss);
    const { dx } = reference.normaliseBackward(dy, x, before(3), 3, null, false);
    assertClose(await on.read(tape.gradient(input)), dx, 1e-6);
  });
});

Deno.test("variances survive a large mean, an outlier in the first row, and equal values", async () => {
  const rows = 1000, x = fill("x", rows * 4, -0.01, 0.01).map((v, i) => v + [1000, 0, 0, 3][i % 4]);
  x.forEach((_, i) => {
    if (i === 1) x[i] = 1000; // the first row of channel 1
    if (i % 4 === 2) x[i] = 0.1;
  });
  const { mean, variance } = reference.statistics(x, 4, 1);
  const running = { mean: gpu.tensor(new Float32Array(4)), variance: gpu.tensor(new Float32Array(4)) };
  await gpu.step(async (on) => {
    const tape = new Tape(on, { record: false });
    const y = batchNorm(tape, on.tensor(x, [rows, 4]), null, running, { training: true, momentum: 1 });
    const [values, means, variances] = await on.stream.read(y, running.mean, running.variance);
    for (const c of [0, 1, 3]) {
      const slack = 1e-6 * (Math.abs(mean[c]) + Math.sqrt(variance[c]));
      assert.ok(Math.abs(means[c] - mean[c]) < slack, `mean ${c}: ${means[c]}, ${mean[c]}`);
      const unbiased = variance[c] * rows / (rows - 1);
      assert.ok(Math.abs(variances[c] / unbiased - 1) < 5e-4, `variance ${c}: ${variances[c]}, ${unbiased}`);
    }
    assert.equal(means[2], Math.fround(0.1));
    assert.equal(variances[2], 0);
    assert.ok(values.every((v, i) => i % 4 !== 2 || v === 0));
  });
});

Deno.test("an image gets the same bits in any batch: in evaluation, and by instance normalisation", async () => {
  const running = onGpu(3);
  const evaluate = (tape: Tape, x: Tensor) => batchNorm(tape, x, null, running, { training: false });
  for (const run of [evaluate, (tape: Tape, x: Tensor) => instanceNorm(tape, x, null)]) {
    await assertSameAlone(gpu, [3, 9, 9, 3], run);
  }
});

Deno.test("a frozen input of a normalisation costs nothing", async () => {
  assert.equal(await backwardDispatches(batch([4, 4], true)), 4); // sums, dbias, dweight, dx
  assert.equal(await backwardDispatches(batch([4, 4], true), "x"), 3);
  assert.equal(await backwardDispatches(batch([4, 4], true), "weight", "bias"), 2);
  assert.equal(await backwardDispatches(batch([4, 4], false), "weight", "bias"), 1);
});

Deno.test("normalisations refuse what does not fit, and a single value", () => {
  const tape = new Tape(gpu), training = { training: true };
  const refuses = (run: () => Tensor, message: RegExp) => assert.throws(run, { name: "RangeError", message });
  const of = (...shape: number[]) => gpu.empty(shape);
  const affine = (C: number) => ({ weight: of(C), bias: of(C) });
  refuses(
    () => batchNorm(tape, of(1, 1, 1, 4), null, onGpu(4), training),
    /^Expected more than one value a channel in training, but found \[1,1,1,4\]$/,
  );
  refuses(
    () => instanceNorm(tape, of(5, 1, 1, 4), null),
    /of more than one position, but found \[5,1,1,4\]$/,
  );
  refuses(() => instanceNorm(tape, of(5, 4), null), /^Expected maps \[B, H, W, C\] .*, but found \[5,4\]$/);
  refuses(() => batchNorm(tape, of(4), null, onGpu(4), training), /^Expected maps \[\.\.\., C\]/);
  refuses(() => batchNorm(tape, of(2, 4), null, onGpu(3), training), /but found \[2,4\] and \[3\], \[3\]$/);
  refuses(() => instanceNorm(tape, of(2, 4, 4, 3), affine(4)), /but found \[2,4,4,3\] and \[4\], \[4\]$/);
  const single = batchNorm(tape, of(1, 4), null, onGpu(4), { training: false });
  assert.deepEqual(single.shape, [1, 4]);
});
