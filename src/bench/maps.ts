/**
 * Normalisation, pooling and enlargement of maps of 64×64 positions and 32 channels. All of them are bound by memory; bytes
 * are those of what a pass has to read and to write once.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import { enlarge, enlargeBackward } from "../kernels/conv/enlarge.ts";
import { maxPool, maxPoolBackward, maxPoolTaps, meanPool, meanPoolBackward } from "../kernels/conv/pool2d.ts";
import { fill } from "../kernels/dense/elementwise.ts";
import * as norm from "../kernels/norm/channel_norm.ts";
import type { Case, Noise } from "./case.ts";

const EPS = 1e-5;

/** All of them, of B images. */
export function mapCases(B = 16): Case[] {
  const shape = [B, 64, 64, 32];
  return [...normCases(shape), ...poolCases(shape), ...enlargeCases(shape)];
}

/** @param passes how often as many bytes as x has go to memory or come from there */
function caseOf(
  name: string,
  shape: readonly number[],
  note: string,
  passes: number,
  prepare: Case["prepare"],
): Case {
  const bytes = 4 * passes * shape.reduce((a, b) => a * b);
  return { name, shape: shape.join("x"), note, work: { bytes }, prepare };
}

function normCases(shape: readonly number[]): Case[] {
  const [B, , , C] = shape;
  const operands = (gpu: Gpu, noise: Noise, groups: number) => {
    const x = noise(...shape), y = noise(...shape), affine = { weight: noise(C), bias: noise(C) };
    const statistics = noise(groups, 2, C);
    fill(gpu, statistics, 1); // no variance is negative
    return { x, y, affine, statistics };
  };
  return [["batch norm", 1] as const, ["instance norm", B] as const].flatMap(([name, groups]) => [
    caseOf(name, shape, "forward", 3, (gpu, noise) => {
      const { x, y, affine } = operands(gpu, noise, groups);
      return () => {
        const statistics = norm.statisticsOf(gpu, x, groups);
        norm.normalise(gpu, x, statistics, affine, EPS, y);
        gpu.release(statistics);
      };
    }),
    caseOf(name, shape, "backward", 5, (gpu, noise) => {
      const { x, y, affine, statistics } = operands(gpu, noise, groups), dy = noise(...shape);
      return () => {
        const sums = norm.gradientSums(gpu, dy, x, statistics, EPS);
        norm.normaliseBackward(gpu, dy, x, statistics, affine.weight, EPS, sums, y, false);
        gpu.release(sums);
      };
    }),
  ]);
}

function poolCases(shape: readonly number[]): Case[] {
  const [B, H, W, C] = shape;
  return [[2, 0], [3, 1]].flatMap(([k, padding]) => {
    const window = { stride: 2, top: padding, left: padding, outH: H / 2, outW: W / 2 },
      pooled = [B, H / 2, W / 2, C];
    const largest = `max pool ${k}x${k}/2`, mean = `mean pool ${k}x${k}/2`;
    return [
      caseOf(largest, shape, "forward", 1.25, (gpu, noise) => {
        const x = noise(...shape);
        return () => gpu.release(maxPool(gpu, x, k, window));
      }),
      caseOf(largest, shape, "forward and backward", 3, (gpu, noise) => {
        const x = noise(...shape), dy = noise(...pooled), dx = noise(...shape);
        return () => {
          const { y, taps } = maxPoolTaps(gpu, x, k, window);
          maxPoolBackward(gpu, dy, taps, dx, false, k, window);
          for (const made of [y, taps]) gpu.release(made);
        };
      }),
      caseOf(mean, shape, "forward", 1.25, (gpu, noise) => {
        const x = noise(...shape);
        return () => gpu.release(meanPool(gpu, x, k, window));
      }),
      caseOf(mean, shape, "backward", 1.25, (gpu, noise) => {
        const dy = noise(...pooled), dx = noise(...shape);
        return () => meanPoolBackward(gpu, dy, dx, false, k, window);
      }),
    ];
  });
}

function enlargeCases(shape: readonly number[]): Case[] {
  const [B, H, W, C] = shape, small = [B, H / 2, W / 2, C];
  return (["nearest", "bilinear"] as const).flatMap((mode) => [
    caseOf("enlarge", shape, `${mode}, twice, forward`, 1.25, (gpu, noise) => {
      const x = noise(...small), y = noise(...shape);
      return () => enlarge(gpu, x, y, 2, mode);
    }),
    caseOf("enlarge", shape, `${mode}, twice, backward`, 1.25, (gpu, noise) => {
      const dy = noise(...shape), dx = noise(...small);
      return () => enlargeBackward(gpu, dy, dx, false, 2, mode);
    }),
  ]);
}
