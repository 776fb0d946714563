/**
 * The writer of ONNX files: what no output needs is left out, and what a file can't hold is refused.
 *
 * @module
 */
import assert from "node:assert/strict";
import { OnnxGraph } from "../../src/formats/onnx.ts";
import { fieldsOf, joined, metadataOf, runOnnx } from "../onnx.ts";

const INFO = { producer: "test", version: "1", metadata: { a: "ä\n", empty: "" } };
const port = (name: string, type: "uint8" | "float") => ({ name, type, shape: ["batch", 2], about: "" });

/** The graph of a model. */
const graphOf = (model: Uint8Array) => fieldsOf(fieldsOf(model).get(7)![0] as Uint8Array);

Deno.test("nodes and constants that no output needs are left out", async () => {
  const graph = new OnnxGraph(), x = graph.node("Cast", [graph.input(port("images", "uint8"))], { to: 1 });
  graph.node("Mul", [graph.node("Neg", [x]), graph.floats(new Float32Array(100).fill(3), [50, 2])]);
  graph.output(port("y", "float"), graph.node("Add", [x, graph.floats(Float32Array.of(0.5, -1))]));
  const model = await joined(graph.encode(INFO));
  const fields = graphOf(model);
  assert.deepEqual([fields.get(1)!.length, fields.get(5)!.length], [3, 1]); // Cast, Add, Identity; one constant
  assert.deepEqual(metadataOf(model), INFO.metadata);
  const { y } = await runOnnx(model, Uint8Array.of(1, 2, 3, 255), [2, 2]);
  assert.deepEqual([...y], [1.5, 1, 3.5, 254]);
});

Deno.test("what a file can't hold is refused before it is put together", () => {
  const graph = new OnnxGraph(), constant = new Float32Array(2 ** 22); // 16 MiB, the same again and again
  let x = graph.node("Cast", [graph.input(port("images", "uint8"))], { to: 1 });
  for (let i = 0; i < 130; i++) x = graph.node("Add", [x, graph.floats(constant, [2 ** 21, 2])]);
  graph.output(port("y", "float"), x);
  assert.throws(() => graph.encode(INFO), {
    name: "InputError",
    message: "Expected a model of less than 2 GiB as ONNX, whose files can't be larger, but found 2.0 GiB",
  });
});

Deno.test("a constant with more or fewer values than its shape says is refused", () => {
  assert.throws(() => new OnnxGraph().floats(new Float32Array(5), [2, 3]), {
    name: "RangeError",
    message: "Expected 6 values for a constant [2,3], but found 5",
  });
});
