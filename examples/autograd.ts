/**
 * The tensors and the automatic differentiation, used for something else: a perceptron with one hidden layer learns
 * the sine.
 *
 *     deno run -A examples/autograd.ts
 */
import { AdamW, Gpu, linear, meanSquaredError, Parameters, Tape } from "@adtr/adtr/autograd";

const SAMPLES = 64, HIDDEN = 32;
const xs = Float32Array.from({ length: SAMPLES }, (_, i) => -Math.PI + 2 * Math.PI * i / (SAMPLES - 1));

using gpu = await Gpu.open();
const shapes = { "1.weight": [HIDDEN, 1], "1.bias": [HIDDEN], "2.weight": [1, HIDDEN], "2.bias": [1] };
const model = new Parameters(gpu, new Map(Object.entries(shapes)));
// Hidden units that bend at places spread over the interval, so that every run is the same.
const bends = Array.from({ length: HIDDEN }, (_, i) => -3 + 6 * i / (HIDDEN - 1));
model.load(
  new Map([
    ["1.weight", { data: bends.map((_, i) => i % 2 ? 1 : -1) }],
    ["1.bias", { data: bends.map((at, i) => i % 2 ? -at : at) }],
    ["2.weight", { data: bends.map(() => 0) }],
    ["2.bias", { data: [0] }],
  ]),
);
const optimizer = new AdamW(gpu, model);
const x = gpu.tensor(xs, [SAMPLES, 1]), wanted = gpu.tensor(xs.map(Math.sin), [SAMPLES, 1]);

for (let step = 1; step <= 300; step++) {
  await gpu.step(async (gpu) => { // what is made within goes back to the pool at its end
    const tape = new Tape(gpu);
    const hidden = linear(tape, x, model.get("1.weight"), model.get("1.bias"), { act: "relu" });
    const y = linear(tape, hidden, model.get("2.weight"), model.get("2.bias"));
    const loss = meanSquaredError(tape, y, wanted);
    tape.backward(loss);
    optimizer.step(tape, { lr: 0.02, weight_decay: 0 });
    if (step === 1 || step % 100 === 0) console.log(`step ${step}: loss ${(await gpu.read(loss))[0]}`);
  });
}
