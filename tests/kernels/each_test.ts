import { equal, throws } from "node:assert/strict";
import { each } from "../../src/kernels/each.ts";

Deno.test("each repeats its lines for all values of the names in them", () => {
  const text = "a\n  // @each let y{row}_{part} = x{row};\nb // @each\n// @each f();";
  const wanted =
    "a\n  let y0_0 = x0;\nlet y0_1 = x0;\nlet y0_2 = x0;\nlet y1_0 = x1;\nlet y1_1 = x1;\nlet y1_2 = x1;\n" +
    "b // @each\nf();";
  equal(each(text, { row: 2, part: 3 }), wanted);
});

Deno.test("each calculates, leaves out what is out of bounds, and lets code have braces", () => {
  equal(each("// @each y{j} = x{j * S + 1};", { j: 3, S: 2 }), "y0 = x1;\ny1 = x3;\ny2 = x5;");
  equal(each("// @each w{(7 - j) / 2 % 3};", { j: 2 }), "w0;\nw0;");
  equal(each("// @each y{i} += w{3 - 2 * i < K};", { i: 3, K: 2 }), "y1 += w1;");
  equal(each("// @each if (a) { x{i} = 0; }", { i: 2 }), "if (a) { x0 = 0; }\nif (a) { x1 = 0; }");
});

Deno.test("each repeats blocks, which may be in each other, or none", () => {
  const text = "// @each c:\nrow\n// @each q:\n// @each x{q}_{c} = y{i}_{c};\n// @end\n// @end\nend";
  equal(
    each(text, { c: 2, q: 1, i: 2 }),
    "row\nx0_0 = y0_0;\nx0_0 = y1_0;\nrow\nx0_1 = y0_1;\nx0_1 = y1_1;\nend",
  );
  equal(each(text, { c: 0, q: 1, i: 2 }), "end");
});

Deno.test("each refuses names that it doesn't know, and blocks without an end", () => {
  throws(() => each("// @each x{row};", { part: 2 }), /one of part in @each, but found row/);
  throws(() => each("// @each x{i + K};", { i: 2 }), /but found K/);
  throws(() => each("// @each x{i i};", { i: 2 }), /arithmetic in the braces of @each, but found i i/);
  throws(() => each("// @each x{i +};", { i: 2 }), /but found nothing/);
  throws(() => each("// @each x{(i};", { i: 2 }), /but found \(i/);
  throws(() => each("// @each x{[i]};", { i: 2 }), /but found \[/);
  throws(() => each("// @each i:\na", { i: 2 }), /an @end for the block \/\/ @each i:, but found none/);
  throws(() => each("a\n// @end", {}), /found one too many/);
  throws(() => each("f();\n  let y{row} = 1; // one\n", { row: 2 }, "gemm"), {
    name: "TypeError",
    message: "Expected gemm to repeat lines marked @each only, but found: let y{row} = 1; // one",
  });
  throws(() => each("// @each let y{row} = x{colum};", { row: 2, column: 2 }, "gemm"), {
    name: "TypeError",
    message: /^In gemm: Expected one of row, column in @each, but found colum/,
  });
  equal(each("// in y{row}\nfn f() { return; }", {}), "// in y{row}\nfn f() { return; }");
});
