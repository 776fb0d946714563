/**
 * ONNX Runtime Web, on WebGPU or in WebAssembly. It has no gradients. Inputs come from and results go to the host's
 * memory, which for these sizes takes less than a hundredth of the time.
 *
 * @module
 */
import * as ort from "onnxruntime-web/webgpu";
import type { FoldedConv } from "../../src/model/fold.ts";
import {
  channelsFirst,
  channelsLast,
  type EfficientNetTask,
  type Engine,
  type GemmTask,
  type Job,
  operands,
  TAPPED,
} from "./engine.ts";
import { OnnxGraph } from "./onnx.ts";

/** On that execution provider. */
export function onnxruntimeEngine(provider: "webgpu" | "wasm"): Engine {
  ort.env.logLevel = "error";
  return {
    name: `onnxruntime-web ${provider}`,
    gemm: (task) => gemm(task, provider),
    efficientNet: (task) => efficientNet(task, provider),
    training: () => "no gradients in onnxruntime-web",
  };
}

async function open(
  graph: OnnxGraph,
  provider: string,
  feeds: Record<string, ort.Tensor>,
  finish: (results: ort.InferenceSession.OnnxValueMapType) => Float32Array[],
): Promise<Job> {
  const session = await ort.InferenceSession.create(graph.encode(), { executionProviders: [provider] });
  let results: ort.InferenceSession.OnnxValueMapType = {};
  return {
    async run(times) {
      for (let i = 0; i < times; i++) results = await session.run(feeds);
    },
    result: () => Promise.resolve(finish(results)),
    close: () => void session.release(),
  };
}

/** One matrix by Gemm, a batch by Transpose and MatMul, which the runtime fuses. */
function gemm(task: GemmTask, provider: string): Promise<Job> {
  const { batch, M, N, transA, transB } = task;
  const [a, b] = operands(task), graph = new OnnxGraph();
  const [x, y] = [graph.input("a", a.shape), graph.input("b", b.shape)];
  const swapped = (name: string, swap: boolean) =>
    swap ? graph.node("Transpose", [name], { perm: [0, 2, 1] }) : name;
  const c = batch > 1
    ? graph.node("MatMul", [swapped(x, transA), swapped(y, transB)])
    : graph.node("Gemm", [x, y], { transA: Number(transA), transB: Number(transB) });
  graph.output(c, batch > 1 ? [batch, M, N] : [M, N]);
  const tensor = ({ data, shape }: typeof a) => new ort.Tensor("float32", data, shape);
  return open(
    graph,
    provider,
    { a: tensor(a), b: tensor(b) },
    (results) => [results[c].data as Float32Array],
  );
}

function efficientNet({ B, S, weights, images }: EfficientNetTask, provider: string): Promise<Job> {
  const graph = new OnnxGraph();
  const conv = (x: string, layer: FoldedConv, stride = 1, group = 1) => {
    const { weight, bias, out, kernel: k } = layer, pad = (k - 1) / 2;
    const filter = graph.weight(weight, [out, weight.length / out / k / k, k, k]);
    const inputs = [x, filter, graph.weight(bias, [out])];
    return graph.node("Conv", inputs, { strides: [stride, stride], pads: [pad, pad, pad, pad], group });
  };
  const silu = (x: string) => graph.node("Mul", [x, graph.node("Sigmoid", [x])]);
  const taps: { name: string; C: number; side: number }[] = [];
  let side = S / 2, x = silu(conv(graph.input("images", [B, 3, S, S]), weights.stem, 2));
  weights.blocks.forEach((block, i) => {
    let y = block.expand ? silu(conv(x, block.expand)) : x;
    y = silu(conv(y, block.depthwise, block.stride, block.depthwise.out));
    const mean = graph.node("GlobalAveragePool", [y]);
    const gates = graph.node("Sigmoid", [conv(silu(conv(mean, block.reduce!)), block.excite!)]);
    y = conv(graph.node("Mul", [y, gates]), block.project);
    x = block.skip ? graph.node("Add", [x, y]) : y;
    side /= block.stride;
    if (TAPPED.includes(block.stage) && weights.blocks[i + 1]?.stage !== block.stage) {
      const C = block.project.out;
      graph.output(x, [B, C, side, side]);
      taps.push({ name: x, C, side });
    }
  });
  const feeds = { images: new ort.Tensor("float32", channelsFirst(images, B, 3, S * S), [B, 3, S, S]) };
  return open(
    graph,
    provider,
    feeds,
    (results) =>
      taps.map(({ name, C, side }) => channelsLast(results[name].data as Float32Array, B, C, side * side)),
  );
}
