import assert from "node:assert/strict";
import { assemble, labelOf, signatureOf } from "../../src/gpu/kernel.ts";

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
    { name: "x", index: 0, writable: false, dtype: "f32" },
    { name: "y", index: 2, writable: true, dtype: "f32" },
    { name: "z", index: 1, writable: false, dtype: "u32" },
  ]);
});

Deno.test("a text without parameters has none", () => {
  assert.deepEqual(signatureOf("@compute @workgroup_size(1) fn main() {}"), {
    fields: [],
    bindings: new Map(),
  });
});

Deno.test("what arrays are made of is read through aliases, and other values are refused", () => {
  const text = (type: string, more = "") =>
    `${more}@group(0) @binding(0) var<storage, read> x: array<${type}>;`;
  const found = (type: string, more?: string) => signatureOf(text(type, more)).bindings.get("x")!.dtype;
  for (const type of ["f32", "vec2f", "vec4<f32>"]) assert.equal(found(type), "f32");
  for (const type of ["u32", "vec3u", "vec4<u32>"]) assert.equal(found(type), "u32");
  assert.equal(found("Element", "alias Element = vec4f;\n"), "f32");
  assert.equal(found("Value", "alias Value = u32;\n"), "u32");
  for (const type of ["Element", "i32", "vec4i", "atomic<u32>"]) {
    assert.throws(() => found(type), /^TypeError: Expected an array of f32, f16 or u32, .* but found /);
  }
});

Deno.test("constants go before the first line, and are shown", () => {
  const kernel = { name: "k", source: "a\nb", entry: "main", constants: { N: 3, FAST: true } };
  assert.equal(assemble(kernel), "const N = 3; const FAST = true;a\nb");
  assert.equal(assemble({ ...kernel, constants: undefined }), "a\nb");
  assert.equal(labelOf(kernel), "k/main N=3 FAST=true");
  assert.equal(labelOf({ ...kernel, constants: undefined }), "k/main");
});
