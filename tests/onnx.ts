/**
 * ONNX models at work in ONNX Runtime, as WebAssembly: somebody else's reading of what the exporters write.
 *
 * @module
 */
import { BinaryReader } from "npm:@bufbuild/protobuf@^2.17.0/wire";
import * as ort from "npm:onnxruntime-web@^1.30.0/wasm";

ort.env.logLevel = "error";
ort.env.wasm.numThreads = 1;
// The runtime opens a message port when it is first asked for anything, and keeps it: before any test, which may leave none.
// What it is asked for here is no model.
await ort.InferenceSession.create(new Uint8Array(1)).catch(() => {});

/** Runs a model on images. @returns every output's values */
export async function runOnnx(
  model: Uint8Array,
  images: Uint8Array,
  shape: readonly number[],
): Promise<Record<string, Float32Array>> {
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  try {
    const results = await session.run({ images: new ort.Tensor("uint8", images, shape) });
    return Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)]),
    );
  } finally {
    await session.release();
  }
}

/** Parts of a file as one. */
export async function joined(chunks: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  return await new Blob([...chunks]).bytes();
}

/** The fields of a message by their numbers in onnx.proto, in their order. */
export function fieldsOf(message: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const reader = new BinaryReader(message), fields = new Map<number, (Uint8Array | number)[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag(), value = type === 2 ? reader.bytes() : Number(reader.int64());
    fields.set(number, [...fields.get(number) ?? [], value]);
  }
  return fields;
}

/** A model's metadata_props. */
export function metadataOf(model: Uint8Array): Record<string, string> {
  const text = (value: unknown) => new TextDecoder().decode(value as Uint8Array);
  const entries = (fieldsOf(model).get(14) ?? []).map((entry) => fieldsOf(entry as Uint8Array));
  return Object.fromEntries(entries.map((entry) => [text(entry.get(1)?.[0]), text(entry.get(2)?.[0])]));
}
