import assert from "node:assert/strict";
import { linear } from "../../src/autograd/linear.ts";
import { add, layerNorm, meanSquaredError } from "../../src/autograd/ops.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { Tensor } from "../../src/gpu/tensor.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";

/** A tensor that requires a gradient. */
function leaf(values: ArrayLike<number>, shape?: readonly number[]): Tensor {
  const tensor = gpu.tensor(values, shape);
  tensor.requiresGrad = true;
  return tensor;
}

const zero = () => gpu.tensor([0]);

Deno.test("a loss has one value, depends on something, and is of this tape", () => {
  const tape = new Tape(gpu), x = leaf([1, 2]);
  assert.throws(() => tape.backward(add(tape, x, x)), /Expected a loss of one value, but found \[2\]/);
  const constant = meanSquaredError(tape, gpu.tensor([1]), zero());
  assert.throws(() => tape.backward(constant), /that depends on a tensor that requires a gradient/);
  assert.throws(() => tape.backward(meanSquaredError(new Tape(gpu), leaf([1]), zero())), /made on this tape/);
  assert.throws(() => tape.backward(leaf([1])), /made on this tape/);
});

Deno.test("the gradients of a tape are computed once", async () => {
  const tape = new Tape(gpu), x = leaf([3]), loss = meanSquaredError(tape, x, zero());
  tape.backward(loss);
  assert.throws(() => tape.backward(loss), /was not computed before/);
  assert.deepEqual([...await gpu.read(tape.gradient(x))], [6]);
});

Deno.test("what the loss does not depend on has no gradient, and costs nothing", () => {
  const tape = new Tape(gpu), x = leaf([1]), other = leaf([1, 2]);
  const loss = meanSquaredError(tape, x, zero());
  for (let i = 0; i < 3; i++) add(tape, other, other);
  const before = gpu.stream.counts.dispatches;
  tape.backward(loss);
  assert.equal(gpu.stream.counts.dispatches - before, 2);
  assert.throws(
    () => tape.gradient(other),
    /Expected a gradient of the tensor \[2\], but the loss does not depend/,
  );
});

Deno.test("inference records nothing, drops nothing, and computes the same", async () => {
  const [x, weight, bias] = [leaf(fill("x", 8), [2, 4]), leaf(fill("w", 16), [4, 4]), leaf(fill("b", 4))];
  const run = (tape: Tape, dropout: number) => {
    const y = linear(tape, x, weight, bias, { act: "relu", dropout });
    return layerNorm(tape, x, y, bias, bias, dropout);
  };
  const inference = new Tape(gpu, { record: false, dropout: false });
  const y = run(inference, 0.5);
  assert.equal(y.requiresGrad, false);
  assert.throws(() => inference.backward(meanSquaredError(inference, y, y)), /that requires a gradient/);
  const [found, wanted] = await gpu.stream.read(y, run(new Tape(gpu), 0));
  assert.deepEqual(found, wanted);
});

Deno.test("a tape that records without dropout gives the gradients of what inference computes", async () => {
  const x = leaf(fill("x", 8), [2, 4]),
    weight = gpu.tensor(fill("w", 16), [4, 4]),
    bias = gpu.tensor(fill("b", 4));
  const run = (tape: Tape, dropout: number) => {
    const y = linear(tape, x, weight, bias, { act: "relu", dropout });
    return meanSquaredError(tape, y, gpu.tensor(fill("t", 8)));
  };
  const scoring = new Tape(gpu, { dropout: false }), plain = new Tape(gpu);
  const losses = [run(scoring, 0.5), run(plain, 0)];
  scoring.backward(losses[0]);
  const gradient = await gpu.read(scoring.gradient(x));
  plain.backward(losses[1]);
  const [loss, wanted, other] = await gpu.stream.read(losses[0], losses[1], plain.gradient(x));
  assert.deepEqual(loss, wanted);
  assert.deepEqual(gradient, other);
});

Deno.test("a gradient goes through a view, and a view of a leaf has that of the leaf", async () => {
  const tape = new Tape(gpu), x = leaf([1, 2, 3, 4, 5, 6], [2, 3]);
  const y = add(tape, x, gpu.tensor([1, 1, 1])).view([3, 2]);
  const sum = add(tape, y, x.view([3, 2]));
  tape.backward(meanSquaredError(tape, sum.view([6]), gpu.tensor(new Float32Array(6)), 1));
  assert.deepEqual(tape.gradient(x).shape, [2, 3]);
  assert.deepEqual([...await gpu.read(tape.gradient(x))], [1, 2, 3, 4, 5, 6].map((v) => 4 * (2 * v + 1)));
});

Deno.test("the gradient of a part goes to its place in that of the whole, a parameter or a result", async () => {
  const n = 64, N = 3 * n, values = fill("x", N), target = fill("t", n), zeros = new Float32Array(n);
  const wanted = values.map((v, i) => 2 * (v + (i >= n && i < 2 * n ? v - target[i - n] : 0)));
  wanted.subarray(2 * n).forEach((_, i, last) => last[i] = 4 * values[2 * n + i]); // twice in the loss
  for (const grad of [null, gpu.tensor(fill("junk", N))]) {
    const tape = new Tape(gpu), x = leaf(values), same = gpu.tensor(new Float32Array(N));
    x.grad = grad;
    const whole = grad ? x : add(tape, x, same); // a leaf, or what an op has made
    const inner = whole.view([3, n]).part(n, [2, n]), middle = inner.part(0, [n]), last = inner.part(n, [n]);
    const losses = [
      meanSquaredError(tape, middle, gpu.tensor(target), 1),
      meanSquaredError(tape, last, gpu.tensor(zeros), 1),
      meanSquaredError(tape, whole, gpu.tensor(new Float32Array(N)), 1),
    ];
    tape.backward(losses.reduce((sum, loss) => add(tape, sum, loss)));
    const found = await gpu.read(tape.gradient(x));
    found.forEach((g, i) => assert.ok(Math.abs(g - wanted[i]) < 1e-5, `${i}: ${g} instead of ${wanted[i]}`));
    if (grad) assert.deepEqual(await gpu.read(tape.gradient(middle)), found.subarray(n, 2 * n));
  }
});

Deno.test("tensors over the same values that are not parts of each other have no gradients", () => {
  const tape = new Tape(gpu), x = leaf(fill("x", 128)), inner = new Tensor([64], x.slab, 256, "f32");
  inner.requiresGrad = true;
  const losses = [inner, x].map((x) => meanSquaredError(tape, x, gpu.tensor(new Float32Array(x.size))));
  assert.throws(
    () => tape.backward(add(tape, losses[0], losses[1])),
    /but \[64\] and \[128\] have values in common: make one of them by Tensor\.part$/,
  );
});

Deno.test("gradients of a second tape are not added to those of the first", async () => {
  const x = leaf([3]);
  for (let i = 0; i < 2; i++) {
    const tape = new Tape(gpu);
    tape.backward(meanSquaredError(tape, x, zero()));
    assert.deepEqual([...await gpu.read(tape.gradient(x))], [6]);
  }
});

Deno.test("dropout has other numbers in every op and with every seed, and the same in every run", () => {
  const seeds = (seed: number, dropout = true) => {
    const tape = new Tape(gpu, { seed, dropout });
    return [0.1, 0.2, 0, 0.1].map((p) => tape.dropout(p));
  };
  const drops = seeds(5);
  assert.deepEqual(drops.map((drop) => drop?.p), [0.1, 0.2, undefined, 0.1]);
  assert.deepEqual(seeds(5), drops);
  assert.equal(new Set([...drops, ...seeds(6)].map((drop) => drop?.seed)).size, 7);
  assert.deepEqual(seeds(5, false), [undefined, undefined, undefined, undefined]);
});

Deno.test("the backward pass gives the gradients between ops back to the pool", async () => {
  await gpu.step(() => {
    const tape = new Tape(gpu), x = leaf(fill("x", 1024)), target = gpu.empty([1024]);
    let y = x;
    for (let i = 0; i < 10; i++) y = add(tape, y, y);
    const loss = meanSquaredError(tape, y, target), { inUse } = gpu.memory.stats();
    tape.backward(loss);
    assert.equal(gpu.memory.stats().inUse - inUse, 4096); // the leaf's
  });
});
