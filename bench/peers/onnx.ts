/**
 * Writes ONNX models: as much of the protobuf format (onnx.proto, IR 8, opset 17) as a graph of float32 operators with
 * their weights needs.
 *
 * @module
 */

/** A node's attributes: whole numbers or lists of them. */
export type Attributes = Record<string, number | readonly number[]>;

const FLOAT = 1, INT = 2, INTS = 7; // TensorProto.FLOAT and AttributeProto's types

/** A graph under way. */
export class OnnxGraph {
  #nodes: Uint8Array[] = [];
  #weights: Uint8Array[] = [];
  #inputs: Uint8Array[] = [];
  #outputs: Uint8Array[] = [];
  #names = 0;

  /** An input of the graph. */
  input(name: string, shape: readonly number[]): string {
    this.#inputs.push(valueInfo(name, shape));
    return name;
  }

  /** Marks a value as an output of the graph. */
  output(name: string, shape: readonly number[]): void {
    this.#outputs.push(valueInfo(name, shape));
  }

  /** A constant. */
  weight(data: Float32Array, shape: readonly number[]): string {
    const name = `w${this.#names++}`;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#weights.push(
      join([...shape.map((d) => integer(1, d)), integer(2, FLOAT), text(8, name), field(9, bytes)]),
    );
    return name;
  }

  /** An operator's only result. */
  node(type: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const name = `v${this.#names++}`;
    const encoded = Object.entries(attributes).map(([key, value]) =>
      field(
        5,
        typeof value === "number"
          ? join([text(1, key), integer(3, value), integer(20, INT)])
          : join([text(1, key), ...value.map((v) => integer(8, v)), integer(20, INTS)]),
      )
    );
    this.#nodes.push(
      join([...inputs.map((input) => text(1, input)), text(2, name), text(4, type), ...encoded]),
    );
    return name;
  }

  /** The model file. */
  encode(): Uint8Array {
    const graph = join([
      ...this.#nodes.map((node) => field(1, node)),
      text(2, "graph"),
      ...this.#weights.map((weight) => field(5, weight)),
      ...this.#inputs.map((input) => field(11, input)),
      ...this.#outputs.map((output) => field(12, output)),
    ]);
    return join([integer(1, 8), field(7, graph), field(8, integer(2, 17))]);
  }
}

/** ValueInfoProto of a float32 tensor. */
function valueInfo(name: string, shape: readonly number[]): Uint8Array {
  const dims = field(2, join(shape.map((d) => field(1, integer(1, d)))));
  return join([text(1, name), field(2, field(1, join([integer(1, FLOAT), dims])))]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  while (value >= 128) {
    bytes.push(value % 128 + 128);
    value = Math.floor(value / 128);
  }
  return [...bytes, value];
}

function integer(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8), ...varint(value)]);
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  return join([Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

function text(number: number, value: string): Uint8Array {
  return field(number, new TextEncoder().encode(value));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
