/**
 * This project.
 *
 * @module
 */
import { AdamW } from "../../src/optim/adamw.ts";
import { scale } from "../../src/autograd/arithmetic.ts";
import { meanSquaredError } from "../../src/autograd/ops.ts";
import { mean } from "../../src/autograd/reductions.ts";
import { ssim } from "../../src/autograd/ssim.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Compute } from "../../src/gpu/compute.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { gemm } from "../../src/kernels/dense/gemm.ts";
import { initialAdtr } from "../../src/model/adtr.ts";
import { FittedAdtr } from "../../src/methods/adtr/fitted.ts";
import { EfficientNet } from "../../src/model/efficientnet.ts";
import { autoencoder } from "../../src/methods/ae/net.ts";
import { upload } from "../../src/model/batches.ts";
import { Network } from "../../src/model/network.ts";
import {
  ADAMW,
  AUTOENCODER,
  autoencoderParameters,
  type AutoencoderTask,
  type EfficientNetTask,
  type Engine,
  type GemmTask,
  initialParameters,
  type Job,
  operands,
  type TrainingTask,
} from "./engine.ts";

/** On that GPU. */
export function adtrEngine(gpu: Gpu): Engine {
  /** A job that records its work, step by step, and reads one value to wait for it. */
  const job = (record: (on: Compute) => void, result: Job["result"], close: () => void): Job => ({
    async run(times) {
      for (let i = 0; i < times; i++) await gpu.step(record);
      const fence = gpu.empty([1]);
      await gpu.read(fence);
      gpu.release(fence);
    },
    result,
    close,
  });
  return {
    name: "adtr",
    async gemm(task: GemmTask) {
      const { batch, M, K, N, transA, transB } = task;
      const [a, b] = operands(task).map(({ shape, data }) => gpu.tensor(data, shape)),
        c = gpu.empty([batch, M, N]);
      const matrix = (rows: number, ld: number) => ({ ld, outer: rows * ld });
      const layouts = {
        layoutA: transA ? matrix(K, M) : matrix(M, K),
        layoutB: transB ? matrix(N, K) : matrix(K, N),
        layoutC: matrix(M, N),
      };
      const how = { M, K, N, transA, transB, outer: batch, ...batch > 1 ? layouts : {} };
      const close = () => [a, b, c].forEach((tensor) => gpu.release(tensor));
      return await job((on) => gemm(on, { a, b, c, ...how }), async () => [await gpu.read(c)], close);
    },
    async efficientNet({ B, S, weights, images }: EfficientNetTask) {
      const network = new EfficientNet(gpu, weights), x = gpu.tensor(images, [B, S, S, 3]);
      const copies = function* (on: Compute): Generator<Tensor> {
        for (const tap of network.taps(on, x)) {
          const copy = on.empty(tap.shape);
          on.stream.copy(tap, copy);
          yield copy;
        }
      };
      const result = () => gpu.step((on) => gpu.stream.read(...copies(on)));
      return await job((on) => void [...copies(on)], result, () => {
        gpu.release(x);
        network[Symbol.dispose]();
      });
    },
    async training({ config, B, features }: TrainingTask) {
      const parameters = initialAdtr(config, 0);
      const none = { normalisation: null, covariance: null, positions: null };
      const fitted = new FittedAdtr(gpu, { config, parameters, ...none });
      const optimizer = new AdamW(gpu, fitted.adtr.parameters), size = features.length / B;
      const images = Array.from({ length: B }, (_, i) => features.subarray(i * size, (i + 1) * size));
      const { beta1, beta2, ...options } = ADAMW;
      const step = (on: Compute) => {
        const x = fitted.prepare(on, upload(on, images, config)), tape = new Tape(on);
        const count = B * config.H * config.W * config.C;
        tape.backward(meanSquaredError(tape, fitted.adtr.forward(tape, x), x, count));
        optimizer.step(tape, { ...options, betas: [beta1, beta2] });
      };
      const moments = async () => {
        const values = await fitted.adtr.parameters.read(optimizer.state.get("m")!);
        return initialParameters(config).map(({ name }) => values.get(name)!.data);
      };
      return await job(step, moments, () => {
        optimizer[Symbol.dispose]();
        fitted[Symbol.dispose]();
      });
    },
    async autoencoder({ loss, B, images }: AutoencoderTask) {
      const parameters = autoencoderParameters(), { S } = AUTOENCODER;
      const values = new Map(parameters.map(({ name, data }) => [name, { data }]));
      const network = new Network(gpu, autoencoder(AUTOENCODER), values);
      const optimizer = new AdamW(gpu, network.parameters), x = gpu.tensor(images, [B, S, S, 3]);
      const { beta1, beta2, ...options } = ADAMW;
      const step = (on: Compute) => {
        const tape = new Tape(on);
        const y = network.forward("decoder", tape, network.forward("encoder", tape, x));
        tape.backward(
          loss === "ssim" ? scale(tape, mean(tape, ssim(tape, y, x)), -1, 1) : meanSquaredError(tape, y, x),
        );
        optimizer.step(tape, { ...options, betas: [beta1, beta2] });
      };
      const moments = async () => {
        const values = await network.parameters.read(optimizer.state.get("m")!);
        return parameters.map(({ name }) => values.get(name)!.data);
      };
      return await job(step, moments, () => {
        optimizer[Symbol.dispose]();
        network[Symbol.dispose]();
        gpu.release(x);
      });
    },
  };
}
