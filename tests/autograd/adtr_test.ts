import assert from "node:assert/strict";
import { meanSquaredError } from "../../src/autograd/ops.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { Adtr, type AdtrConfig, adtrShapes, type Architecture } from "../../src/model/adtr.ts";
import { paddedChannels } from "../../src/model/layout.ts";
import { fill } from "../fill.ts";
import { filled } from "../golden/adtr_fill.ts";
import { gpu } from "../gpu.ts";
import { reconstruct, type State } from "../reference/adtr.ts";
import { assertClose } from "../reference/backbone.ts";
import { sum } from "../reference/training.ts";

const SEED = 2026, STEP = 1e-6, IMAGES = 2;

const CASES: [Architecture, dropout: number][] = [
  ["adtr", 0],
  ["adtr", 0.1],
  ["no-query", 0.1],
  ["no-attention", 0.1],
  ["conv", 0.1], // which drops nothing
];

for (const [architecture, dropout] of CASES) {
  Deno.test(`the whole model by finite differences: ${architecture}, dropout ${dropout}`, async () => {
    const sizes = { C: 6, D: 8, A: 2, F: 12, H: 3, W: 2, encoder: 2, decoder: 2 };
    const config: AdtrConfig = { ...sizes, dropout, architecture };
    const { C } = config, N = 6, wide = paddedChannels(C);
    const state = filled(adtrShapes(config)),
      model = new Adtr(gpu, config, state),
      features = fill("features", IMAGES * N * C);
    const padded = Float32Array.from(
      { length: IMAGES * N * wide },
      (_, i) => i % wide < C ? features[Math.floor(i / wide) * C + i % wide] : 0,
    );

    /** The reconstruction in float64, with the dropout of the tape below. */
    const forward = (state: State) => {
      const seeds = new Tape(gpu, { seed: SEED });
      return reconstruct(config, state, features, () => seeds.dropout(dropout));
    };
    const loss = (state: State) => {
      const y = forward(state);
      return sum(y.length, (i) => (y[i] - features[i]) ** 2) / y.length;
    };
    const found = await gpu.step(async (gpu) => {
      const tape = new Tape(gpu, { seed: SEED }), x = gpu.tensor(padded, [IMAGES, N, wide]);
      const reconstruction = model.forward(tape, x);
      const error = meanSquaredError(tape, reconstruction, x, features.length);
      tape.backward(error);
      return await gpu.stream.read(reconstruction, error);
    });
    assertClose(found[0].filter((_, i) => i % wide < C), forward(state), 2e-6);
    assertClose(found[1], [loss(state)], 1e-6);

    const gradients = await model.parameters.read(model.parameters.gradients);
    const norm = Math.sqrt(
      [...gradients.values()].reduce((a, { data }) => a + sum(data.length, (i) => data[i] ** 2), 0),
    );
    for (const [name, { data }] of gradients) {
      // Along a random direction of every parameter. Differences in float64 are good to 1e-9 (truncation ~STEP²,
      // rounding ~1e-16/STEP times the loss); what is left is the float32 of the gradient: 2e-7 on llvmpipe, 2026-11.
      const direction = fill(`direction of ${name}`, data.length).map(Math.sign);
      const moved = (h: number): State => {
        const values = Float64Array.from(state.get(name)!.data, (v, i) => v + h * direction[i]);
        return new Map<string, { data: Float64Array | Float32Array }>(state).set(name, { data: values });
      };
      const wanted = (loss(moved(STEP)) - loss(moved(-STEP))) / (2 * STEP);
      const along = sum(data.length, (i) => data[i] * direction[i]);
      const off = Math.abs(along - wanted) / norm;
      assert.ok(
        off < 1e-6,
        `${name}: ${along} along the direction instead of ${wanted}, gradient norm ${norm}`,
      );
    }
    model.parameters[Symbol.dispose]();
  });
}

Deno.test("a tape that records without dropout scores the same bits, and gives the features' gradients", async () => {
  const config: AdtrConfig = { C: 6, D: 8, A: 2, F: 12, H: 3, W: 2, encoder: 2, decoder: 2, dropout: 0.3 };
  const { C } = config, N = 6, wide = paddedChannels(C), size = IMAGES * N * C;
  const state = filled(adtrShapes(config)), model = new Adtr(gpu, config, state);
  const features = fill("features", size), target = fill("target", size);
  const widen = (values: Float32Array) =>
    Float32Array.from(
      { length: IMAGES * N * wide },
      (_, i) => i % wide < C ? values[Math.floor(i / wide) * C + i % wide] : 0,
    );
  const shape = [IMAGES, N, wide];
  const scored = await gpu.step((gpu) =>
    gpu.read(
      model.forward(
        new Tape(gpu, { record: false, dropout: false }),
        gpu.tensor(widen(features), shape),
      ),
    )
  );
  const [recorded, gradient] = await gpu.step(async (gpu) => {
    const tape = new Tape(gpu, { record: true, dropout: false, seed: SEED });
    const x = gpu.tensor(widen(features), shape);
    x.requiresGrad = true;
    const y = model.forward(tape, x);
    tape.backward(meanSquaredError(tape, y, gpu.tensor(widen(target), shape), size));
    return await gpu.stream.read(y, tape.gradient(x));
  });
  assert.deepEqual(recorded, scored);
  const dropping = await gpu.step((gpu) =>
    gpu.read(model.forward(new Tape(gpu, { seed: SEED }), gpu.tensor(widen(features), shape)))
  );
  assert.notDeepEqual(dropping, scored);

  const loss = (x: ArrayLike<number>) => {
    const y = reconstruct(config, state, x, () => undefined);
    return sum(size, (i) => (y[i] - target[i]) ** 2) / size;
  };
  const tight = gradient.filter((_, i) => i % wide < C);
  const norm = Math.sqrt(sum(size, (i) => tight[i] ** 2));
  for (const round of [0, 1, 2, 3]) {
    const direction = fill(`direction ${round}`, size).map(Math.sign);
    const moved = (h: number) => Float64Array.from(features, (v, i) => v + h * direction[i]);
    const wanted = (loss(moved(STEP)) - loss(moved(-STEP))) / (2 * STEP);
    const along = sum(size, (i) => tight[i] * direction[i]);
    assert.ok(Math.abs(along - wanted) < 1e-5 * norm, `${along} instead of ${wanted}, gradient norm ${norm}`);
  }
  model.parameters[Symbol.dispose]();
});
