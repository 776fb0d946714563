import { equal, throws } from "node:assert/strict";
import { generate } from "../../src/kernels/generate.ts";

Deno.test("generate puts parts in the place of the lines that name them", () => {
  const text = "a {\n  // @generate one\n  // @generate two\n}\n// @generate one";
  equal(generate(text, { one: "x $& y", two: "" }), "a {\n  x $& y\n  \n}\nx $& y");
});

Deno.test("generate refuses a line that names no part, and a part that no line names, by the kernel's name", () => {
  const refused = (text: string, message: string) =>
    throws(() => generate(text, { inner: "x", outer: "y" }, "gemm"), { name: "TypeError", message });
  refused(
    "// @generate iner\n// @generate outer",
    "Expected gemm to have the parts inner,outer, but found iner",
  );
  refused("// @generate outer", "Expected gemm to have a place for each part, but found none for inner");
});
