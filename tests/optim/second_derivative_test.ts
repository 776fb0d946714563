import assert from "node:assert/strict";
import { square } from "../../src/autograd/arithmetic.ts";
import { add } from "../../src/autograd/ops.ts";
import { sum } from "../../src/autograd/reductions.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill } from "../../src/kernels/dense/elementwise.ts";
import { Parameters } from "../../src/optim/parameters.ts";
import { addSecondDerivative } from "../../src/optim/second_derivative.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";

Deno.test("a second derivative along a direction, added; the parameters stay", async () => {
  const a = [0.3, -2, 70], b = [1, 2, -3], u = [1e-5, 3e-4, -2e-3];
  using parameters = new Parameters(gpu, new Map([["a", [3]], ["b", [3]], ["other", [2]]]));
  parameters.load(new Map(Object.entries({ a, b, other: [1, 2] }).map(([name, data]) => [name, { data }])));
  const before = await gpu.read(parameters.values);
  await gpu.step(async (scope) => {
    const gradient = () => { // of Σ (a + b)⁴ + Σ other²: along u of a it changes by 12 (a + b)² u, a's and b's alike
      const tape = new Tape(scope), get = (name: string) => parameters.get(name);
      const sums = square(tape, square(tape, add(tape, get("a"), get("b"))));
      tape.backward(add(tape, sum(tape, sums), sum(tape, square(tape, get("other")))));
    };
    const flat = (value: number) => {
      const tensor = scope.empty(parameters.values.shape);
      fill(scope, tensor, value);
      return tensor;
    };
    for (const factor of [1, 1e-12, 0]) {
      const direction = flat(0), y = flat(7), along = u.map((value) => factor * value);
      scope.stream.copy(scope.tensor(along), parameters.part(direction, "a"));
      const weight = factor === 0 ? 3 : 3 / factor, tape = new Tape(scope, { record: false });
      addSecondDerivative(tape, parameters, direction, ["a"], gradient, y, weight);
      const found = await parameters.read(y, scope);
      const wanted = u.map((value, i) => 7 + (factor === 0 ? 0 : 3 * 12 * (a[i] + b[i]) ** 2 * value));
      for (const name of ["a", "b"]) assertClose(found.get(name)!.data, wanted, 1e-3, `${name}, ${factor}:`);
      assert.deepEqual([...found.get("other")!.data], [7, 7]);
    }
  });
  assert.deepEqual(await gpu.read(parameters.values), before);
});
