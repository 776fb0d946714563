/**
 * Checks an op of autograd: its plain-loop gradients against finite differences of its plain-loop result, and the
 * GPU's result and gradients against both, with every input used once, used twice, and frozen.
 *
 * @module
 */
import assert from "node:assert/strict";
import { add } from "../../src/autograd/ops.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import type { Dropout } from "../../src/kernels/dense/element.ts";
import { accumulate } from "../../src/kernels/dense/elementwise.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";
import { differences, sum, type Values } from "../reference/training.ts";

/** An op in plain loops and on the GPU; its inputs, their values and their gradients go by name. */
export interface Op<Name extends string> {
  /** Shapes. */
  inputs: Record<Name, readonly number[]>;
  /** The probability with which `run` drops, in one call of Tape.dropout. Default: it makes none. */
  dropout?: number;
  /** Where to run. */
  on?: Gpu;
  run(tape: Tape, x: Record<Name, Tensor>): Tensor;
  forward(x: Record<Name, Values>, drop?: Dropout): Float64Array;
  backward(dy: Values, x: Record<Name, Values>, drop?: Dropout): Record<Name, Float64Array>;
}

/** A loss Σ weights ∘ y whose value is not computed, only its gradient. */
export function weighted(tape: Tape, y: Tensor, weights: Values): Tensor {
  const w = tape.gpu.tensor(weights, y.shape);
  return tape.record("weighted", gpu.empty([1]), [y], () => {
    const { tensor, add } = tape.into(y)!;
    accumulate(tape.gpu, w, tensor, add);
  });
}

/** Leaves of a tape by name, those in `frozen` without a gradient. */
function leaves<Name extends string>(op: Op<Name>, frozen: readonly string[] = []): Record<Name, Tensor> {
  const tensors = {} as Record<Name, Tensor>;
  for (const name in op.inputs) {
    tensors[name] = gpu.tensor(fill(name, sizeOf(op.inputs[name])), op.inputs[name]);
    tensors[name].requiresGrad = !frozen.includes(name);
  }
  return tensors;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b);
const SEED = 123;

/** Fails where the op's result or one of its gradients is not what it should be. */
export async function checkOp<Name extends string>(op: Op<Name>): Promise<void> {
  const names = Object.keys(op.inputs) as Name[];
  const x = {} as Record<Name, Float32Array>;
  for (const name of names) x[name] = fill(name, sizeOf(op.inputs[name]));
  const drops = new Tape(gpu, { seed: SEED });
  const [once, again] = [0, 1].map(() => drops.dropout(op.dropout ?? 0));
  const y = op.forward(x, once), dy = fill("dy", y.length);
  const gradients = op.backward(dy, x, once), others = op.backward(dy, x, again);

  for (const name of names) {
    const f = (values: Values) => {
      const y = op.forward({ ...x, [name]: values }, once);
      return sum(y.length, (i) => dy[i] * y[i]);
    };
    assertClose(gradients[name], differences(f, x[name]), 1e-8, `finite differences of ${name}:`);
  }

  const on = op.on ?? gpu;
  for (const frozen of ["nothing", ...names.length > 1 ? names : []]) {
    for (const twice of [false, true]) {
      await gpu.step(async (gpu) => {
        const tape = new Tape(on, { seed: SEED }), tensors = leaves(op, [frozen]);
        const result = op.run(tape, tensors);
        tape.backward(weighted(tape, twice ? add(tape, result, op.run(tape, tensors)) : result, dy));
        const wanting = names.filter((name) => name !== frozen);
        const [found, ...grads] = await gpu.stream.read(
          result,
          ...wanting.map((name) => tape.gradient(tensors[name])),
        );
        assertClose(found, y, 1e-6, "result:");
        wanting.forEach((name, i) => {
          const wanted = twice ? gradients[name].map((g, i) => g + others[name][i]) : gradients[name];
          const what = `gradient of ${name}, ${frozen} frozen, used ${twice ? "twice" : "once"}:`;
          assert.deepEqual(tape.gradient(tensors[name]).shape, op.inputs[name]);
          assertClose(grads[i], wanted, 3e-6, what);
        });
        if (wanting.length < names.length) {
          assert.throws(() => tape.gradient(tensors[frozen as Name]), /does not depend on it/);
        }
      });
    }
  }
}

/** How many dispatches the backward pass takes with some inputs frozen. */
export async function backwardDispatches<Name extends string>(
  op: Op<Name>,
  ...frozen: NoInfer<Name>[]
): Promise<number> {
  return await gpu.step((gpu) => {
    const tape = new Tape(gpu), y = op.run(tape, leaves(op, frozen));
    const loss = weighted(tape, y, fill("dy", y.size)), before = gpu.stream.counts.dispatches;
    tape.backward(loss);
    return gpu.stream.counts.dispatches - before - 2; // those of the loss itself
  });
}
