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
  AUTOENCODER,
  AUTOENCODER_LAYERS,
  autoencoderParameters,
  type AutoencoderTask,
  type EfficientNetTask,
  type Engine,
  type GemmTask,
  initialParameters,
  operands,
  ssimWindow,
  TAPPED,
  type TrainingTask,
} from "./engine.ts";
import { loss, type Ops } from "./transformer.ts";

/** Opens it. */
export async function tfjsEngine(): Promise<Engine> {
  await tf.setBackend("webgpu");
  await tf.ready();
  return { name: "tfjs webgpu", gemm, efficientNet, training, autoencoder };
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

function training({ config, B, features }: TrainingTask) {
  const initial = initialParameters(config), index = new Map(initial.map(({ name }, i) => [name, i]));
  const x = tf.tensor(features, [B, config.H * config.W, config.C]);
  const p = initial.map(({ shape, data }) => tf.tensor(data, shape));
  return trained(p, (p) => loss(OPS, (name) => p[index.get(name)!], x, config, B), () => x.dispose());
}

/** AdamW's steps on a loss of parameters. */
async function trained(p: tf.Tensor[], loss: (p: tf.Tensor[]) => tf.Tensor, close: () => void) {
  let m = p.map((x) => tf.zerosLike(x)), v = p.map((x) => tf.zerosLike(x)), t = 0;
  const gradients = tf.grads((...p: tf.Tensor[]) => loss(p) as tf.Scalar);
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
    close: () => (tf.dispose([p, m, v]), close()),
  };
}

/** A convolution's weight from PyTorch's order to [k, k, in, out] ([k, k, out, in] where transposed), and back. */
const FILTER = [2, 3, 1, 0], FILTER_BACK = [3, 2, 0, 1];

/** How tfjs multiplies matrices: by one kernel, or by one that it finds for their shape. */
const PACKED = 3, BY_SHAPE = -1;

async function autoencoder({ loss, B, images }: AutoencoderTask) {
  const initial = autoencoderParameters(), index = new Map(initial.map(({ name }, i) => [name, i]));
  const { S } = AUTOENCODER, x = tf.tensor4d(images, [B, S, S, 3]);
  const p = initial.map(({ shape, data }) => {
    const tensor = tf.tensor(data, shape);
    return shape.length === 4 ? tf.transpose(tensor, FILTER) : tensor;
  });
  const reconstruct = (p: tf.Tensor[]) => {
    let y: tf.Tensor = x;
    for (const { name, kind, stride, leaky, maps } of AUTOENCODER_LAYERS) {
      const [weight, bias] = ["weight", "bias"].map((part) => p[index.get(`${name}.${part}`)!]);
      const filter = weight as tf.Tensor4D, [, side] = y.shape;
      if (kind === "linear") y = tf.matMul(tf.reshape(y, [B, -1]), weight, false, true);
      else {
        const convolve = (x: tf.Tensor) =>
          kind === "conv" ? tf.conv2d(x as tf.Tensor4D, filter, stride, 1) : tf.conv2dTranspose(
            x as tf.Tensor4D,
            filter,
            [x.shape[0], 2 * side, 2 * side, filter.shape[2]],
            stride,
            1,
          );
        // A filter's gradient is one sum over all windows, and llvmpipe ends it after 65535 of them.
        const windows = B * (kind === "conv" ? side / stride : side) ** 2;
        y = windows > 60_000 ? tf.concat(tf.split(y, 2).map(convolve)) : convolve(y);
      }
      y = tf.add(y, bias);
      if (maps) y = tf.reshape(y, [B, maps[0], maps[0], maps[1]]);
      if (leaky) y = tf.leakyRelu(y, 0.2);
    }
    return y as tf.Tensor4D;
  };
  const similar = similarity(S);
  const job = await trained(p, (p) => {
    const y = reconstruct(p);
    return loss === "ssim" ? tf.sub(1, tf.mean(similar.map(y, x))) : tf.mean(tf.square(tf.sub(y, x)));
  }, () => (x.dispose(), similar.close()));
  return {
    ...job,
    async run(times: number) {
      // Of the kernels for few rows and a long sum, the one that splits the sum is wrong on llvmpipe (by 100 %).
      tf.env().set("WEBGPU_MATMUL_PROGRAM_TYPE", PACKED);
      try {
        await job.run(times);
      } finally {
        tf.env().set("WEBGPU_MATMUL_PROGRAM_TYPE", BY_SHAPE);
      }
    },
    async result() {
      const moments = await job.result();
      return await Promise.all(moments.map(async (data, i) => {
        const { shape } = initial[i];
        if (shape.length !== 4) return data;
        const turned = tf.tidy(() => tf.transpose(tf.tensor(data, FILTER.map((d) => shape[d])), FILTER_BACK));
        const values = await turned.data() as Float32Array;
        turned.dispose();
        return values;
      }));
    },
  };
}

/** SSIM of images with a side of S. */
function similarity(S: number) {
  const { weights, shares } = ssimWindow(S), [c1, c2] = [0.01 ** 2, 0.03 ** 2];
  const filter = (shape: [number, number, number, number]) =>
    tf.tile(tf.tensor4d(weights, shape), [1, 1, 3, 1]) as tf.Tensor4D;
  const across = filter([1, 11, 1, 1]), down = filter([11, 1, 1, 1]);
  const share = tf.mul(tf.tensor4d(shares, [1, S, 1, 1]), tf.tensor4d(shares, [1, 1, S, 1]));
  const blur = (x: tf.Tensor) =>
    tf.mul(
      tf.depthwiseConv2d(tf.depthwiseConv2d(x as tf.Tensor4D, across, 1, "same"), down, 1, "same"),
      share,
    );
  return {
    map(x: tf.Tensor4D, y: tf.Tensor4D) {
      const [mx, my, xx, yy, xy] = [x, y, tf.square(x), tf.square(y), tf.mul(x, y)].map(blur);
      const [mxx, myy, mxy] = [tf.square(mx), tf.square(my), tf.mul(mx, my)];
      const upper = tf.mul(tf.add(tf.mul(mxy, 2), c1), tf.add(tf.mul(tf.sub(xy, mxy), 2), c2));
      const variances = tf.add(tf.sub(xx, mxx), tf.sub(yy, myy));
      return tf.div(upper, tf.mul(tf.add(tf.add(mxx, myy), c1), tf.add(variances, c2)));
    },
    close: () => tf.dispose([across, down, share]),
  };
}
