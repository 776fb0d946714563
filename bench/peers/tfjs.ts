/**
 * TensorFlow.js on WebGPU.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";
import type { FoldedConv } from "../../src/model/fold.ts";
import {
  ADAMW,
  type EfficientNetTask,
  type Engine,
  type GemmTask,
  initialParameters,
  operands,
  TAPPED,
  type TrainingTask,
} from "./engine.ts";
import { loss, type Ops } from "./transformer.ts";

/** Opens it. */
export async function tfjsEngine(): Promise<Engine> {
  await tf.setBackend("webgpu");
  await tf.ready();
  return { name: "tfjs webgpu", gemm, efficientNet, training };
}

/** Waits until a tensor is computed, by reading one of its values. */
async function wait(tensor: tf.Tensor): Promise<void> {
  const one = tf.tidy(() => tf.slice(tf.reshape(tensor, [-1]), 0, 1));
  await one.data();
  one.dispose();
}

/** Work whose results replace those of the last time. */
function repeated(work: () => tf.Tensor[]) {
  let results: tf.Tensor[] = [];
  return {
    async run(times: number) {
      for (let i = 0; i < times; i++) {
        tf.dispose(results);
        results = tf.tidy(work);
      }
      await wait(results[results.length - 1]);
    },
    result: () => Promise.all(results.map((x) => x.data() as Promise<Float32Array>)),
    close: () => tf.dispose(results),
  };
}

async function gemm(task: GemmTask) {
  const [a, b] = operands(task).map(({ shape, data }) => tf.tensor(data, shape));
  const job = repeated(() => [tf.matMul(a, b, task.transA, task.transB)]);
  return await { ...job, close: () => (job.close(), tf.dispose([a, b])) };
}

async function efficientNet({ B, S, weights, images }: EfficientNetTask) {
  /** [out, in, k, k] to [k, k, in, out], or [k, k, out, 1] where each channel has its own filter. */
  const upload = (layer: FoldedConv, order = [2, 3, 1, 0]) => {
    const { weight, bias, out, kernel: k } = layer;
    const shape: [number, number, number, number] = [out, weight.length / out / k / k, k, k];
    return {
      filter: tf.transpose(tf.tensor4d(weight, shape), order) as tf.Tensor4D,
      bias: tf.tensor1d(bias),
    };
  };
  const stem = upload(weights.stem);
  const blocks = weights.blocks.map((block) => ({
    stride: block.stride,
    skip: block.skip,
    pad: (block.depthwise.kernel - 1) / 2,
    expand: block.expand && upload(block.expand),
    depthwise: upload(block.depthwise, [2, 3, 0, 1]),
    reduce: upload(block.reduce!),
    excite: upload(block.excite!),
    project: upload(block.project),
  }));
  const silu = (x: tf.Tensor4D) => tf.mul(x, tf.sigmoid(x)) as tf.Tensor4D;
  const conv = (x: tf.Tensor4D, { filter, bias }: ReturnType<typeof upload>, stride = 1, pad = 0) =>
    tf.add(tf.conv2d(x, filter, stride, pad), bias) as tf.Tensor4D;
  const x0 = tf.tensor4d(images, [B, S, S, 3]);
  return await repeated(() => {
    const taps: tf.Tensor[] = [];
    let x = silu(conv(x0, stem, 2, 1));
    blocks.forEach((block, i) => {
      let y = block.expand ? silu(conv(x, block.expand)) : x;
      const { filter, bias } = block.depthwise;
      y = silu(tf.add(tf.depthwiseConv2d(y, filter, block.stride, block.pad), bias) as tf.Tensor4D);
      const mean = tf.mean(y, [1, 2], true) as tf.Tensor4D;
      const gates = tf.sigmoid(conv(silu(conv(mean, block.reduce)), block.excite));
      y = conv(tf.mul(y, gates) as tf.Tensor4D, block.project);
      x = block.skip ? tf.add(x, y) as tf.Tensor4D : y;
      const { stage } = weights.blocks[i];
      if (TAPPED.includes(stage) && weights.blocks[i + 1]?.stage !== stage) taps.push(x);
    });
    return taps;
  });
}

const OPS: Ops<tf.Tensor> = {
  matmul: (a, b, transB) => tf.matMul(a, b, false, transB),
  add: tf.add,
  sub: tf.sub,
  scale: (x, by) => tf.mul(x, by),
  relu: tf.relu,
  softmax: (x) => tf.softmax(x),
  layerNorm(x, gamma, beta) {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5))), gamma), beta);
  },
  reshape: (x, shape) => tf.reshape(x, shape),
  transpose: (x, order) => tf.transpose(x, order),
  rows: (x, first, count) => x.rank === 1 ? tf.slice(x, first, count) : tf.slice(x, [first, 0], [count, -1]),
  concat: (a, b) => tf.concat([a, b], -1),
  broadcast: (x, shape) => tf.tile(x, shape.map((d, i) => d / x.shape[i])),
  zeros: (shape) => tf.zeros(shape),
  meanSquare: (x) => tf.mean(tf.square(x)),
};

async function training({ config, B, features }: TrainingTask) {
  const initial = initialParameters(config), index = new Map(initial.map(({ name }, i) => [name, i]));
  let p = initial.map(({ shape, data }) => tf.tensor(data, shape));
  let m = p.map((x) => tf.zerosLike(x)), v = p.map((x) => tf.zerosLike(x)), t = 0;
  const x = tf.tensor(features, [B, config.H * config.W, config.C]);
  const gradients = tf.grads((...p: tf.Tensor[]) =>
    loss(OPS, (name) => p[index.get(name)!], x, config, B) as tf.Scalar
  );
  const { lr, weight_decay, beta1, beta2, eps, clip } = ADAMW;
  const step = () =>
    tf.tidy(() => {
      const g = gradients(p);
      const norm = tf.sqrt(g.map((x) => tf.sum(tf.square(x))).reduce((a, b) => tf.add(a, b)));
      const factor = tf.minimum(1, tf.div(clip, tf.add(norm, 1e-6)));
      const moments = g.map((g, i) => {
        const clipped = tf.mul(g, factor);
        return [
          tf.add(tf.mul(m[i], beta1), tf.mul(clipped, 1 - beta1)),
          tf.add(tf.mul(v[i], beta2), tf.mul(tf.square(clipped), 1 - beta2)),
        ];
      });
      const size = lr / (1 - beta1 ** t), root = Math.sqrt(1 - beta2 ** t);
      const values = p.map((p, i) => {
        const [m, v] = moments[i];
        const by = tf.div(m, tf.add(tf.div(tf.sqrt(v), root), eps));
        return tf.sub(tf.mul(p, 1 - lr * weight_decay), tf.mul(by, size));
      });
      return [values, moments.map(([m]) => m), moments.map(([, v]) => v)];
    });
  return await {
    async run(times: number) {
      for (let i = 0; i < times; i++) {
        t++;
        const before = [p, m, v];
        [p, m, v] = step();
        tf.dispose(before);
      }
      await wait(p[p.length - 1]);
    },
    result: () => Promise.all(m.map((x) => x.data() as Promise<Float32Array>)),
    close: () => tf.dispose([p, m, v, x]),
  };
}
