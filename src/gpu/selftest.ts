/**
 * A few numbers whose results are known, with workgroup memory and a barrier in the way, and subgroups where there are
 * any: a driver that gets them wrong is of no use.
 *
 * @module
 */
import type { Compute } from "./compute.ts";
import { GpuError } from "./error.ts";
import { assemble, type Kernel } from "./kernel.ts";
import source from "./selftest.wgsl" with { type: "text" };
import subgroup from "./subgroup.wgsl" with { type: "text" };

const WORKGROUPS: Kernel = { name: "workgroups", source, entry: "main" };

/** Subgroups of that many threads. */
function subgroups(SIZE: number): Kernel {
  return { name: "subgroups", source: subgroup, entry: "main", constants: { SIZE } };
}

/** Whether the device takes a kernel with subgroups: some WGSL compilers ask for a line that others refuse. */
export async function hasSubgroups(device: GPUDevice, size: number): Promise<boolean> {
  device.pushErrorScope("validation");
  device.createShaderModule({ code: assemble(subgroups(size)) });
  return await device.popErrorScope() === null;
}

/** Computes them. @throws {GpuError} where they come out wrong */
export async function selfTest(gpu: Compute): Promise<void> {
  const values = Float32Array.from({ length: 256 }, (_, i) => i % 17), x = gpu.tensor(values);
  const run = async (kernel: Kernel, group: number, wanted: (group: Float32Array) => number) => {
    const y = gpu.empty([256]);
    gpu.stream.dispatch(kernel, { x, y }, { scale: 0.5 }, [256 / group]);
    const found = await gpu.read(y);
    gpu.release(y);
    for (let i = 0; i < 256; i++) {
      const expected = 0.5 * (values[i] + wanted(values.subarray(i - i % group, i - i % group + group)));
      if (found[i] !== expected) {
        throw new GpuError(
          "self-test",
          `The GPU's self-test failed on "${gpu.info.description}": ` +
            `expected ${expected} at ${i}, but found ${found[i]}.\n` +
            "The driver computes wrong numbers; another driver version or adapter is needed.",
        );
      }
    }
  };
  await run(WORKGROUPS, 64, (group) => group.reduce((a, b) => a + b));
  const size = gpu.profile.subgroup;
  if (size > 0) await run(subgroups(size), size, (group) => group[size - 1]);
  gpu.release(x);
}
