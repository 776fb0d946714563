/**
 * Whether there is memory for a method, told before the work starts, and what to lower where there is not.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { mib } from "../gpu/error.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { coresetRows, PROJECTED } from "./patchcore/coreset.ts";
import type { MethodName, MethodSettings } from "./method.ts";
import { bankBytes } from "./slots.ts";

/** Bytes beyond the training features themselves, at the moment when most are in use. */
export interface Needs {
  /** On the GPU. */
  gpu: number;
  /** On the host, with the copy that a model file is written from. */
  host: number;
}

const LOWER: Record<MethodName, string> = {
  spade: "--feature-size, or take fewer training images",
  patchcore: "--coreset or --feature-size, or take fewer training images",
  padim: "--padim-channels or --feature-size",
  mahalanobis: "--feature-size, or take fewer training images",
  knn: "--feature-size, or take fewer training images; --method patchcore keeps a part of the bank",
  kde: "the number of training images",
};

/**
 * What fitting and keeping a method takes.
 *
 * @param images number of training images
 * @param pooled P, values of a whole image's features
 */
export function memoryNeeds(settings: MethodSettings, images: number, pooled = settings.C): Needs {
  const { method, H, W, C, padim_channels: d } = settings, N = H * W, rows = images * N;
  switch (method) {
    case "spade": {
      const whole = bankBytes(images, pooled);
      return { gpu: bankBytes(rows, C, N) + whole, host: 4 * (rows * C + images * pooled) };
    }
    case "knn":
      return { gpu: bankBytes(rows, C), host: 4 * rows * C };
    case "patchcore": {
      const kept = coresetRows(rows, settings.coreset);
      const points = 4 * rows * (Math.min(C, PROJECTED) + 1);
      return { gpu: Math.max(points, bankBytes(kept, C)), host: 8 * kept * C };
    }
    case "padim":
      return {
        gpu: 4 * N * d * (d + 1) + 4 * images * N * d,
        host: 4 * N * d * (d + 1) + 8 * images * N * d,
      };
    case "mahalanobis":
      return { gpu: 8 * C * C, host: 24 * C * C };
    case "kde": {
      const side = Math.min(pooled, images);
      return { gpu: 0, host: 8 * images * pooled * 2 + 8 * side * side * 2 };
    }
  }
}

/**
 * Checks that there is memory: on a software adapter for all of it, on hardware for what is on the host (a GPU does not tell
 * how much it has; what it has not is told when the bank is taken, before it is searched).
 *
 * @param come bytes of training features that are not in memory yet
 * @param available bytes that this computer has left
 * @throws {InputError} where there is not, with what is needed, what is there, and what to lower
 */
export function requireRoom(
  gpu: Gpu,
  settings: MethodSettings,
  images: number,
  { come = 0, pooled, available = Deno.systemMemoryInfo().available }: {
    come?: number;
    pooled?: number;
    available?: number;
  } = {},
): void {
  const needs = memoryNeeds(settings, images, pooled);
  const needed = come + needs.host + (gpu.info.software ? needs.gpu : 0);
  if (needed <= available) return;
  throw new InputError(
    `${settings.method} on ${images} training images needs ${mib(needed)} of memory, but found ${
      mib(available)
    } ` +
      `free.\nLower ${LOWER[settings.method]}.`,
  );
}
