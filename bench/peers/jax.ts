/**
 * jax-js, on WebGPU or in WebAssembly. Its arrays are consumed by use unless `.ref` is taken.
 *
 * @module
 */
import {
  type Array as Jax,
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import type { FoldedConv } from "../../src/model/fold.ts";
import {
  ADAMW,
  channelsFirst,
  channelsLast,
  type EfficientNetTask,
  type Engine,
  type GemmTask,
  initialParameters,
  operands,
  TAPPED,
  type TrainingTask,
} from "./engine.ts";
import { loss, type Ops } from "./transformer.ts";

/** On that device. */
export async function jaxEngine(device: "webgpu" | "wasm"): Promise<Engine> {
  await init(device);
  /** What is done on the device that it was made for: there is one default for all. */
  const here = <T>(work: () => T): T => {
    defaultDevice(device);
    return work();
  };
  return {
    name: `jax-js ${device}`,
    gemm: (task) => here(() => gemm(task, here)),
    efficientNet: (task) => here(() => efficientNet(task, here)),
    training: (task) => here(() => training(task, here)),
    autoencoder: () => "",
  };
}

type Here = <T>(work: () => T) => T;

function array(data: Float32Array, shape: number[]): Jax {
  return np.array(data as Float32Array<ArrayBuffer>).reshape(shape);
}

async function gemm(task: GemmTask, here: Here) {
  const [a, b] = operands(task).map(({ data, shape }) => array(data, shape));
  const product = jit((a: Jax, b: Jax) =>
    np.matmul(task.transA ? np.swapaxes(a, -1, -2) : a, task.transB ? np.swapaxes(b, -1, -2) : b)
  );
  let results: Jax[] = [];
  return await {
    run: (times: number) =>
      here(async () => {
        tree.dispose(results); // not sooner: what is disposed before it is ready is never computed
        results = Array.from({ length: times }, () => product(a.ref, b.ref) as Jax);
        await blockUntilReady(results);
      }),
    result: async () => [await results[0].ref.data() as Float32Array],
    close: () => tree.dispose([a, b, results]),
  };
}

async function efficientNet({ B, S, weights, images }: EfficientNetTask, here: Here) {
  const parameters: Record<string, Jax> = {};
  const upload = (name: string, { weight, bias, out, kernel: k }: FoldedConv) => {
    parameters[`${name}.weight`] = array(weight, [out, weight.length / out / k / k, k, k]);
    parameters[`${name}.bias`] = array(bias, [1, out, 1, 1]);
  };
  upload("stem", weights.stem);
  weights.blocks.forEach((block, i) => {
    for (const part of ["expand", "depthwise", "reduce", "excite", "project"] as const) {
      if (block[part]) upload(`${i}.${part}`, block[part]);
    }
  });
  const forward = jit((p: Record<string, Jax>, images: Jax) => {
    const conv = (name: string, x: Jax, stride = 1, pad = 0, groups = 1) =>
      lax.convGeneralDilated(x, p[`${name}.weight`].ref, [stride, stride], [[pad, pad], [pad, pad]], {
        featureGroupCount: groups,
      }).add(p[`${name}.bias`].ref);
    const taps: Jax[] = [];
    let x = nn.silu(conv("stem", images, 2, 1));
    weights.blocks.forEach((block, i) => {
      const pad = (block.depthwise.kernel - 1) / 2;
      let y = block.expand ? nn.silu(conv(`${i}.expand`, x.ref)) : x.ref;
      y = nn.silu(conv(`${i}.depthwise`, y, block.stride, pad, block.depthwise.out));
      const mean = np.mean(y.ref, [2, 3], { keepdims: true });
      const gates = nn.sigmoid(conv(`${i}.excite`, nn.silu(conv(`${i}.reduce`, mean))));
      y = conv(`${i}.project`, y.mul(gates));
      if (block.skip) x = x.add(y);
      else {
        x.dispose();
        x = y;
      }
      if (TAPPED.includes(block.stage) && weights.blocks[i + 1]?.stage !== block.stage) taps.push(x.ref);
    });
    x.dispose();
    tree.dispose(p);
    return taps;
  });
  const x = array(channelsFirst(images, B, 3, S * S), [B, 3, S, S]);
  let results: Jax[][] = [];
  return await {
    run: (times: number) =>
      here(async () => {
        tree.dispose(results);
        results = Array.from({ length: times }, () => forward(tree.ref(parameters), x.ref) as Jax[]);
        await blockUntilReady(results);
      }),
    result: () =>
      here(() =>
        Promise.all(results[0].map(async (tap) => {
          const [, C, H, W] = tap.shape;
          return channelsLast(await tap.ref.data() as Float32Array, B, C, H * W);
        }))
      ),
    close: () => tree.dispose([parameters, x, results]),
  };
}

const OPS: Ops<Jax> = {
  matmul: (a, b, transB) => np.matmul(a.ref, transB ? np.swapaxes(b.ref, -1, -2) : b.ref),
  add: (a, b) => a.ref.add(b.ref),
  sub: (a, b) => a.ref.sub(b.ref),
  scale: (x, by) => x.ref.mul(by),
  relu: (x) => nn.relu(x.ref),
  softmax: (x) => nn.softmax(x.ref, -1),
  layerNorm: (x, gamma, beta) => nn.standardize(x.ref, -1, { epsilon: 1e-5 }).mul(gamma.ref).add(beta.ref),
  reshape: (x, shape) => x.ref.reshape(shape),
  transpose: (x, order) => x.ref.transpose(order),
  rows: (x, first, count) => x.ref.slice([first, first + count]),
  concat: (a, b) => np.concatenate([a.ref, b.ref], -1),
  broadcast: (x, shape) => np.broadcastTo(x.ref, shape),
  zeros: (shape) => np.zeros(shape),
  meanSquare: (x) => np.mean(np.square(x.ref)),
};

type Parameters = Record<string, Jax>;

async function training({ config, B, features }: TrainingTask, here: Here) {
  const initial = initialParameters(config), names = initial.map(({ name }) => name);
  const every = (value: (name: string) => Jax): Parameters =>
    Object.fromEntries(names.map((name) => [name, value(name)]));
  const from = new Map(initial.map((parameter) => [parameter.name, parameter]));
  let p = every((name) => array(from.get(name)!.data, from.get(name)!.shape));
  let m = every((name) => np.zeros(from.get(name)!.shape)),
    v = every((name) => np.zeros(from.get(name)!.shape));
  let t = 0;
  const x = array(features, [B, config.H * config.W, config.C]);
  const objective = (p: Parameters, x: Jax): Jax => loss(OPS, (name) => p[name], x, config, B);
  const { lr, weight_decay, beta1, beta2, eps, clip } = ADAMW;
  const gradients = jit((p: Parameters, x: Jax) => {
    const [value, g] = valueAndGrad(objective)(p, x) as unknown as [Jax, Parameters];
    value.dispose();
    return g;
  });
  const update = jit((p: Parameters, g: Parameters, m: Parameters, v: Parameters, size: Jax, root: Jax) => {
    const squares = names.map((name) => np.sum(np.square(g[name].ref)));
    const norm = np.sqrt(squares.reduce((a, b) => a.add(b)));
    const factor = np.minimum(1, np.divide(clip, norm.add(1e-6)));
    const clipped = every((name) => g[name].mul(factor.ref));
    const first = every((name) => m[name].mul(beta1).add(clipped[name].ref.mul(1 - beta1)));
    const second = every((name) => v[name].mul(beta2).add(np.square(clipped[name]).mul(1 - beta2)));
    const values = every((name) => {
      const by = first[name].ref.div(np.sqrt(second[name].ref).div(root.ref).add(eps));
      return p[name].mul(1 - lr * weight_decay).sub(by.mul(size.ref));
    });
    for (const used of [factor, size, root]) used.dispose();
    return [values, first, second];
  });
  return await {
    run: (times: number) =>
      here(async () => {
        for (let i = 0; i < times; i++) {
          t++;
          const size = np.array(lr / (1 - beta1 ** t)), root = np.array(Math.sqrt(1 - beta2 ** t));
          const g = gradients(tree.ref(p), x.ref) as Parameters;
          [p, m, v] = update(p, g, m, v, size, root) as unknown as [Parameters, Parameters, Parameters];
        }
        await blockUntilReady(p);
      }),
    result: () =>
      here(() => Promise.all(names.map(async (name) => await m[name].ref.data() as Float32Array))),
    close: () => tree.dispose([p, m, v, x]),
  };
}
