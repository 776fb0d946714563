/**
 * The one GPU of a test file, opened when the file is loaded: devices are not freed for good, so tests share it.
 *
 * @module
 */
import { Gpu } from "../src/gpu/gpu.ts";

/** The open GPU. */
export const gpu: Gpu = await Gpu.open();
