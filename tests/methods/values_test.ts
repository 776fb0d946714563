/**
 * Values of a model that no learning leaves, and that would be believed in silence.
 *
 * @module
 */
import assert from "node:assert/strict";
import { methodNamed } from "../../src/methods/registry.ts";
import { gpu } from "../gpu.ts";
import { C, imagesFor, learned } from "./made_up.ts";

const CASES: [method: string, tensor: string, value: number, message: RegExp][] = [
  ["kde", "bandwidth", 0, /^Expected a bandwidth above 0, but found 0$/],
  ["kde", "bandwidth", -1, /^Expected a bandwidth above 0, but found -1$/],
  ["padim", "channels", -1, /^Expected channels from 0 to 9 in channels, but found -1$/],
  ["padim", "channels", C, /^Expected channels from 0 to 9 in channels, but found 10$/],
  ["padim", "channels", 0.5, /^Expected channels from 0 to 9 in channels, but found 0\.5$/],
  ["adtr", "feature_std", 0, /^Expected numbers above 0 in feature_std, but found 0$/],
];

for (const [name, tensor, value, message] of CASES) {
  Deno.test(`${name}: ${tensor} of ${value}`, async () => {
    const method = methodNamed(name);
    using fitted = await learned(method, imagesFor(method, "train", 9));
    const state = await fitted.state(), { shape, data } = state.tensors.get(tensor)!;
    const { inUse } = gpu.memory.stats();
    const tensors = new Map(state.tensors).set(tensor, {
      shape,
      data: data.map((v, i) => i === 0 ? value : v),
    });
    await assert.rejects(async () => void await method.open(gpu, { ...state, tensors }), {
      name: "RangeError",
      message,
    });
    assert.equal(gpu.memory.stats().inUse, inUse);
  });
}
