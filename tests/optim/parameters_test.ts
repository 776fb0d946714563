import assert from "node:assert/strict";
import { Parameters } from "../../src/optim/parameters.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";

const SHAPES = new Map([["weight", [3, 5]], ["bias", [3]], ["other", [70]]]);
const WIDER = new Map([["weight", [4, 8]], ["bias", [4]]]);
const STATE = new Map([...SHAPES].map(([name, shape]) => {
  return [name, { shape, data: fill(name, shape.reduce((a, b) => a * b)) }];
}));

Deno.test("parameters come back as they were loaded, in order, also where they are kept wider", async () => {
  for (const wider of [new Map(), WIDER]) {
    const parameters = new Parameters(gpu, SHAPES, wider);
    parameters.load(STATE);
    const found = await parameters.read();
    assert.deepEqual([...found], [...STATE]);
    assert.deepEqual([...parameters.entries()].map(([name]) => name), [...SHAPES.keys()]);
    parameters[Symbol.dispose]();
  }
});

Deno.test("wider parameters lie in their corner, with zeros around, each on 256 bytes", async () => {
  const parameters = new Parameters(gpu, SHAPES, WIDER);
  parameters.load(STATE);
  const weight = parameters.get("weight");
  assert.deepEqual(weight.shape, [4, 8]);
  const { data } = STATE.get("weight")!;
  const corner = Float32Array.from(
    { length: 32 },
    (_, i) => i < 24 && i % 8 < 5 ? data[5 * (i >> 3) + i % 8] : 0,
  );
  assert.deepEqual(await gpu.read(weight), corner);
  for (const [, { offset, grad, requiresGrad }] of parameters.entries()) {
    assert.equal(offset % 256, 0);
    assert.deepEqual([grad!.offset, grad!.slab, requiresGrad], [offset, parameters.gradients.slab, true]);
  }
  const all = await gpu.read(parameters.values),
    total = (x: Float32Array) => x.reduce((a, v) => a + Math.abs(v), 0);
  const wanted = [...STATE.values()].reduce((a, { data }) => a + total(data), 0);
  assert.ok(Math.abs(total(all) - wanted) < 1e-4);
  parameters[Symbol.dispose]();
});

Deno.test("another tensor of the same layout is loaded and read by the same names", async () => {
  const parameters = new Parameters(gpu, SHAPES, WIDER);
  parameters.loadInto(parameters.gradients, STATE);
  assert.deepEqual([...await parameters.read(parameters.gradients)], [...STATE]);
  assert.ok((await gpu.read(parameters.values)).every((v) => v === 0));
  parameters[Symbol.dispose]();
});

Deno.test("parameters outlive the step in which they were made", async () => {
  const parameters = await gpu.step(() => new Parameters(gpu, SHAPES));
  parameters.load(STATE);
  await gpu.step((gpu) => {
    for (let i = 0; i < 4; i++) gpu.tensor(fill("junk", parameters.values.size));
  });
  assert.deepEqual([...await parameters.read()], [...STATE]);
  parameters[Symbol.dispose]();
});

Deno.test("parameters refuse names and numbers of values that are not theirs", () => {
  const parameters = new Parameters(gpu, SHAPES);
  assert.throws(() => parameters.get("wieght"), /Expected a parameter's name, but found "wieght"/);
  const without = new Map([...STATE].filter(([name]) => name !== "bias"));
  assert.throws(() => parameters.load(without), /Expected 3 values for bias \[3\], but found none/);
  const short = new Map(
    [...STATE, ["bias", { data: new Float32Array(2) }]] as [string, { data: Float32Array }][],
  );
  assert.throws(() => parameters.load(short), /Expected 3 values for bias \[3\], but found 2/);
  parameters[Symbol.dispose]();
});

Deno.test("wider shapes that are none are refused", () => {
  const make = (name: string, shape: number[]) => new Parameters(gpu, SHAPES, new Map([[name, shape]]));
  assert.throws(() => make("weight", [2, 8]), /at least that of weight \[3,5\], but found \[2,8\]/);
  assert.throws(() => make("bias", [1, 4]), /at least that of bias \[3\]/);
  assert.throws(() => make("wieght", [4, 8]), /at least that of wieght \[none\]/);
});
