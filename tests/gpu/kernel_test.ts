import assert from "node:assert/strict";
import { assemble, type Kernel, keyOf, signatureOf } from "../../src/gpu/kernel.ts";

const SOURCE = `
struct Params {
  n: u32, scale: f32, // sizes: of what
  shift: i32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage,read_write> y: array<vec4f>;
@group(0) @binding(1)
var<storage> z: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;
`;

Deno.test("signatureOf reads parameters and bindings out of the text", () => {
  const { fields, bindings } = signatureOf(SOURCE);
  assert.deepEqual(fields, [
    { name: "n", type: "u32" },
    { name: "scale", type: "f32" },
    { name: "shift", type: "i32" },
  ]);
  assert.deepEqual([...bindings.values()], [
    { name: "x", index: 0, writable: false },
    { name: "y", index: 2, writable: true },
    { name: "z", index: 1, writable: false },
  ]);
});

Deno.test("a text without parameters has none", () => {
  assert.deepEqual(signatureOf("@compute @workgroup_size(1) fn main() {}"), {
    fields: [],
    bindings: new Map(),
  });
});

Deno.test("constants go before the first line, and tell pipelines apart", () => {
  const kernel = { name: "k", source: "a\nb", entry: "main", constants: { N: 3, FAST: true } };
  assert.equal(assemble(kernel), "const N = 3; const FAST = true;a\nb");
  assert.equal(assemble({ ...kernel, constants: undefined }), "a\nb");
  const others: Partial<Kernel>[] = [{}, { constants: { N: 4, FAST: true } }, { constants: {} }, {
    entry: "other",
  }, {
    name: "l",
  }];
  assert.equal(new Set(others.map((other) => keyOf({ ...kernel, ...other }))).size, others.length);
});
