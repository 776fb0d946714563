/**
 * ONNX models, built node by node and written: as much of onnx.proto (IR 8, opset 17) as exporters need. What no output
 * needs is left out, and weights are not copied until the bytes are joined.
 *
 * @module
 */
import { BinaryWriter, WireType } from "npm:@bufbuild/protobuf@^2.17.0/wire";
import { InputError } from "../errors.ts";

/** The version of the operators: onnxruntime has it from 1.12 on. */
export const OPSET = 17;
const IR = 8;
const MOST_BYTES = 2 ** 31 - 1; // of a protobuf message

/** A field of a message: its number in onnx.proto, and what it holds. */
type Field = readonly [number: number, of: "int" | "string" | "bytes" | Fields];
interface Fields {
  readonly [name: string]: Field;
}
type Held<F> = F extends "int" ? number
  : F extends "string" ? string
  : F extends "bytes" ? Uint8Array<ArrayBuffer>
  : Message<F>;
type Message<F> = {
  [name in keyof F]?: F[name] extends readonly [number, infer O] ? Held<O> | readonly Held<O>[] : never;
};

const DIMENSION = { dim_value: [1, "int"], dim_param: [2, "string"] } as const;
const SHAPE = { dim: [1, DIMENSION] } as const;
const TENSOR_TYPE = { elem_type: [1, "int"], shape: [2, SHAPE] } as const;
const TYPE = { tensor_type: [1, TENSOR_TYPE] } as const;
const VALUE_INFO = { name: [1, "string"], type: [2, TYPE], doc_string: [3, "string"] } as const;
const TENSOR = {
  dims: [1, "int"],
  data_type: [2, "int"],
  name: [8, "string"],
  raw_data: [9, "bytes"],
} as const;
const ATTRIBUTE = { name: [1, "string"], i: [3, "int"], ints: [8, "int"], type: [20, "int"] } as const;
const NODE = {
  input: [1, "string"],
  output: [2, "string"],
  op_type: [4, "string"],
  attribute: [5, ATTRIBUTE],
} as const;
const GRAPH = {
  node: [1, NODE],
  name: [2, "string"],
  initializer: [5, TENSOR],
  input: [11, VALUE_INFO],
  output: [12, VALUE_INFO],
} as const;
const ENTRY = { key: [1, "string"], value: [2, "string"] } as const;
const OPSET_ID = { domain: [1, "string"], version: [2, "int"] } as const;
const MODEL = {
  ir_version: [1, "int"],
  producer_name: [2, "string"],
  producer_version: [3, "string"],
  graph: [7, GRAPH],
  opset_import: [8, OPSET_ID],
  metadata_props: [14, ENTRY],
} as const;

/** TensorProto.DataType and AttributeProto.AttributeType. */
const TYPES = { float: 1, uint8: 2, int64: 7 }, INT = 2, INTS = 7;

/** What a graph's inputs, outputs and constants hold. */
export type ElementType = keyof typeof TYPES;

/** A dimension: its size, or the name of one that is known when the model runs only. */
export type Dimension = number | string;

/** A node's attributes: whole numbers or lists of them. */
export type Attributes = Readonly<Record<string, number | readonly number[]>>;

/** A value in the graph: its name. */
export type OnnxValue = string;

/** An input or output of the graph. */
export interface OnnxPort {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
  /** What it is, in a sentence. */
  readonly about: string;
}

/** What a file says beside its graph. */
export interface OnnxInfo {
  /** Of the program that writes it. */
  readonly producer: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A graph under way. */
export class OnnxGraph {
  #nodes: { op: string; inputs: readonly OnnxValue[]; outputs: OnnxValue[]; attributes: Attributes }[] = [];
  #constants = new Map<OnnxValue, Message<typeof TENSOR>>();
  #inputs: OnnxPort[] = [];
  #outputs: OnnxPort[] = [];
  #count = 0;

  /** An input of the graph. */
  input(port: OnnxPort): OnnxValue {
    this.#inputs.push(port);
    return port.name;
  }

  /** Makes a value an output of the graph, under the port's name. */
  output(port: OnnxPort, value: OnnxValue): void {
    this.#outputs.push(port);
    this.#nodes.push({ op: "Identity", inputs: [value], outputs: [port.name], attributes: {} });
  }

  /** A constant. @throws {RangeError} where there are not as many values as its shape says */
  floats(data: Float32Array<ArrayBuffer>, shape: readonly number[] = [data.length]): OnnxValue {
    return this.#constant("float", data, shape);
  }

  /** A constant number. */
  scalar(value: number): OnnxValue {
    return this.floats(Float32Array.of(value), []);
  }

  /** A constant of whole numbers, as shapes, axes and indices are. */
  ints(values: readonly number[]): OnnxValue {
    return this.#constant("int64", BigInt64Array.from(values, BigInt), [values.length]);
  }

  #constant(
    type: ElementType,
    data: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>,
    shape: readonly number[],
  ): OnnxValue {
    const size = shape.reduce((a, b) => a * b, 1);
    if (size !== data.length) {
      throw new RangeError(`Expected ${size} values for a constant [${shape}], but found ${data.length}`);
    }
    const name = `constant_${this.#count++}`;
    const raw_data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#constants.set(name, { dims: shape, data_type: TYPES[type], name, raw_data });
    return name;
  }

  /** An operator with one result. */
  node(op: string, inputs: readonly OnnxValue[], attributes: Attributes = {}): OnnxValue {
    return this.nodes(op, inputs, attributes, 1)[0];
  }

  /** An operator with several results. */
  nodes(op: string, inputs: readonly OnnxValue[], attributes: Attributes, results: number): OnnxValue[] {
    const outputs = Array.from({ length: results }, () => `${op}_${this.#count++}`);
    this.#nodes.push({ op, inputs, outputs, attributes });
    return outputs;
  }

  /** A value's numbers as float32. */
  asFloats(value: OnnxValue): OnnxValue {
    return this.node("Cast", [value], { to: TYPES.float });
  }

  /** A value in another shape: 0 stands for the size that it has in that place, −1 for what is left. */
  reshape(value: OnnxValue, shape: readonly number[]): OnnxValue {
    return this.node("Reshape", [value, this.ints(shape)]);
  }

  /** Bytes that a model file consists of, one after the other. @throws {InputError} where it would be too large */
  encode({ producer, version, metadata }: OnnxInfo): Uint8Array<ArrayBuffer>[] {
    const needed = new Set(this.#outputs.map(({ name }) => name));
    const nodes = this.#nodes.toReversed().filter(({ inputs, outputs }) => {
      const isNeeded = outputs.some((name) => needed.has(name));
      if (isNeeded) inputs.forEach((name) => needed.add(name));
      return isNeeded;
    }).toReversed();
    const chunks = [...encode(MODEL, {
      ir_version: IR,
      producer_name: producer,
      producer_version: version,
      graph: {
        node: nodes.map(({ op, inputs, outputs, attributes }) => ({
          input: inputs,
          output: outputs,
          op_type: op,
          attribute: Object.entries(attributes).map(([name, value]) =>
            typeof value === "number" ? { name, i: value, type: INT } : { name, ints: value, type: INTS }
          ),
        })),
        name: producer,
        initializer: [...this.#constants].filter(([name]) => needed.has(name)).map(([, tensor]) => tensor),
        input: this.#inputs.map(valueInfo),
        output: this.#outputs.map(valueInfo),
      },
      opset_import: { domain: "", version: OPSET },
      metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    })];
    const bytes = lengthOf(chunks);
    if (bytes > MOST_BYTES) {
      throw new InputError(
        `Expected a model of less than 2 GiB as ONNX, whose files can't be larger, but found ${
          (bytes / 2 ** 30).toFixed(1)
        } GiB`,
      );
    }
    return chunks;
  }
}

function valueInfo({ name, type, shape, about }: OnnxPort): Message<typeof VALUE_INFO> {
  const dim = shape.map((d) => typeof d === "number" ? { dim_value: d } : { dim_param: d });
  return { name, type: { tensor_type: { elem_type: TYPES[type], shape: { dim } } }, doc_string: about };
}

/** A message's bytes, field by field. */
function* encode<F extends Fields>(fields: F, message: Message<F>): Generator<Uint8Array<ArrayBuffer>> {
  for (const [name, [number, of]] of Object.entries(fields)) {
    for (const value of [message[name] ?? []].flat()) {
      if (of === "int") {
        yield new BinaryWriter().tag(number, WireType.Varint).int64(value as number).finish();
        continue;
      }
      const body = of === "string"
        ? [new TextEncoder().encode(value as string)]
        : of === "bytes"
        ? [value as Uint8Array<ArrayBuffer>]
        : [...encode(of, value as Message<Fields>)];
      const head = new BinaryWriter().tag(number, WireType.LengthDelimited);
      // Beyond what a message can hold, its length says nothing, and is refused.
      yield head.uint32(Math.min(lengthOf(body), MOST_BYTES)).finish();
      yield* body;
    }
  }
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}
