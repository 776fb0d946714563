/**
 * ReLUs that are held as they were noted.
 *
 * @module
 */
import { deepEqual, throws } from "node:assert/strict";
import { Tape } from "../../src/autograd/tape.ts";
import { Gates } from "../../src/model/gates.ts";
import { act, linear, sequential } from "../../src/model/layers.ts";
import { initialValues, Network } from "../../src/model/network.ts";
import { gpu } from "../gpu.ts";

Deno.test("the first pass notes which values ReLUs let through, and all others let the same through", async () => {
  const parts = { one: act("relu"), two: sequential(act("relu"), act("relu")), learned: linear(1, 1) };
  using network = new Network(gpu, parts, initialValues(parts, 0));
  await gpu.step(async (scope) => {
    const tape = new Tape(scope), gates = new Gates();
    const pass = (values: number[], part = "one", on = gates.pass()) =>
      network.forward(part, tape, scope.tensor(values, [1, values.length]), { gates: on });
    const first = pass([1, -2, 3, 0]), x = scope.tensor([-5, 6, 7, 8], [1, 4]);
    x.requiresGrad = true;
    const held = network.forward("one", tape, x, { gates: gates.pass() });
    tape.backward(tape.record("a sum", scope.empty([1]), [held], () => {
      scope.stream.write(tape.into(held)!.tensor, new Float32Array([1, 1, 1, 1]));
    }));
    const found = await scope.stream.read(first, held, tape.gradient(x), pass([1, -1, 1, 1]));
    deepEqual(found.map((values) => [...values].map((v) => v + 0)), [
      [1, 0, 3, 0],
      [-5, 0, 7, 0],
      [1, 0, 1, 0],
      [1, 0, 1, 0],
    ]);
    throws(() => pass([1, 2]), {
      name: "RangeError",
      message: /Expected a ReLU of \[1,4\].* but found \[1,2\]/,
    });
    throws(() => pass([1, 2, 3, 4], "two"), /Expected a ReLU of \[none\]/);
  });
});
