/**
 * The GPU as commands use it: open for as long as the work takes.
 *
 * @module
 */
import { Gpu } from "../gpu/gpu.ts";

/** Opens the GPU, works, and closes it whatever happens. @throws {GpuError} as `Gpu.open` does, and what `work` throws */
export async function withGpu<T>(work: (gpu: Gpu) => Promise<T>): Promise<T> {
  const gpu = await Gpu.open();
  try {
    return await work(gpu);
  } finally {
    await gpu.idle().catch(() => {}); // what went wrong has been thrown by the work
    gpu.close();
  }
}

/** Whether there is a GPU that is none of software. */
export async function hasGpu(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  return adapter ? !adapter.info.isFallbackAdapter : false;
}
