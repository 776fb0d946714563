import { equal, throws } from "node:assert/strict";
import { each } from "../../src/kernels/each.ts";

Deno.test("each repeats its lines for all values of the names in them", () => {
  const text = "a\n  // @each let y{row}_{part} = x{row};\nb // @each\n// @each f();";
  const wanted =
    "a\n  let y0_0 = x0;\nlet y0_1 = x0;\nlet y0_2 = x0;\nlet y1_0 = x1;\nlet y1_1 = x1;\nlet y1_2 = x1;\n" +
    "b // @each\nf();";
  equal(each(text, { row: 2, part: 3 }), wanted);
});

Deno.test("each refuses a name without a number of values, and braces on other lines, by the kernel's name", () => {
  throws(() => each("// @each let y{row} = x{colum};", { row: 2, column: 2 }, "gemm"), {
    name: "TypeError",
    message: "Expected gemm to repeat for row,column, but found {colum} in: let y{row} = x{colum};",
  });
  throws(() => each("f();\n  let y{row} = 1; // one\n", { row: 2 }, "gemm"), {
    name: "TypeError",
    message: "Expected gemm to repeat lines marked @each only, but found: let y{row} = 1; // one",
  });
  equal(each("// in y{row}\nfn f() { return; }", {}), "// in y{row}\nfn f() { return; }");
});
