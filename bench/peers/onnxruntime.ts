/**
 * ONNX Runtime Web, on WebGPU or in WebAssembly. It has no gradients. Inputs come from and results go to the host's
 * memory, which for these sizes takes less than a hundredth of the time.
 *
 * @module
 */
import * as ort from "onnxruntime-web/webgpu";
import { OnnxGraph, type OnnxPort } from "../../src/formats/onnx.ts";
import { efficientNetOnnx } from "../../src/model/efficientnet_onnx.ts";
import {
  channelsFirst,
  channelsLast,
  type EfficientNetTask,
  type Engine,
  type GemmTask,
  type Job,
  operands,
} from "./engine.ts";

/** On that execution provider. */
export function onnxruntimeEngine(provider: "webgpu" | "wasm"): Engine {
  ort.env.logLevel = "error";
  return {
    name: `onnxruntime-web ${provider}`,
    gemm: (task) => gemm(task, provider),
    efficientNet: (task) => efficientNet(task, provider),
    training: () => "no gradients in onnxruntime-web",
    autoencoder: () => "",
  };
}

async function open(
  graph: OnnxGraph,
  provider: string,
  feeds: Record<string, ort.Tensor>,
  finish: (results: ort.InferenceSession.OnnxValueMapType) => Float32Array[],
): Promise<Job> {
  const chunks = graph.encode({ producer: "peers", version: "1", metadata: {} }) as Uint8Array<ArrayBuffer>[];
  const session = await ort.InferenceSession.create(await new Blob(chunks).bytes(), {
    executionProviders: [provider],
  });
  let results: ort.InferenceSession.OnnxValueMapType = {};
  return {
    async run(times) {
      for (let i = 0; i < times; i++) results = await session.run(feeds);
    },
    result: () => Promise.resolve(finish(results)),
    close: () => void session.release(),
  };
}

/** An input or output of float32. */
function port(name: string, shape: readonly number[]): OnnxPort {
  return { name, type: "float", shape, about: "" };
}

/** One matrix by Gemm, a batch by Transpose and MatMul, which the runtime fuses. */
function gemm(task: GemmTask, provider: string): Promise<Job> {
  const { batch, M, N, transA, transB } = task;
  const [a, b] = operands(task), graph = new OnnxGraph();
  const [x, y] = [graph.input(port("a", a.shape)), graph.input(port("b", b.shape))];
  const swapped = (name: string, swap: boolean) =>
    swap ? graph.node("Transpose", [name], { perm: [0, 2, 1] }) : name;
  const c = batch > 1
    ? graph.node("MatMul", [swapped(x, transA), swapped(y, transB)])
    : graph.node("Gemm", [x, y], { transA: Number(transA), transB: Number(transB) });
  graph.output(port("c", batch > 1 ? [batch, M, N] : [M, N]), c);
  const tensor = ({ data, shape }: typeof a) => new ort.Tensor("float32", data, shape);
  return open(graph, provider, { a: tensor(a), b: tensor(b) }, ({ c }) => [c.data as Float32Array]);
}

function efficientNet({ B, S, weights, images }: EfficientNetTask, provider: string): Promise<Job> {
  const graph = new OnnxGraph(), shape = [B, 3, S, S];
  const taps = efficientNetOnnx(graph, weights, graph.input(port("images", shape)), S);
  taps.forEach(({ value, channels, side }, i) =>
    graph.output(port(`tap${i}`, [B, channels, side, side]), value)
  );
  const feeds = { images: new ort.Tensor("float32", channelsFirst(images, B, 3, S * S), shape) };
  return open(
    graph,
    provider,
    feeds,
    (results) =>
      taps.map(({ channels, side }, i) =>
        channelsLast(results[`tap${i}`].data as Float32Array, B, channels, side * side)
      ),
  );
}
