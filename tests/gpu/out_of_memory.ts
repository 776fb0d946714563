/**
 * Runs a device out of memory, for out_of_memory_test.ts: in a process of its own, whose address space is limited where
 * a CPU plays the GPU. Prints what each step of the story gave, as JSON.
 *
 * @module
 */
import { Gpu } from "../../src/gpu/gpu.ts";
import { GpuError } from "../../src/gpu/error.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { fill } from "../../src/kernels/dense/elementwise.ts";

const GIB = 2 ** 30;
const gpu = await Gpu.open();
if (gpu.profile.kind === "software") await limit(2 * GIB);
const size = Math.floor(gpu.limits.maxStorageBufferBindingSize / 4);
const told: Record<string, unknown> = {};

/** What a piece of work gave, or how it failed. */
async function tell(name: string, work: () => Promise<unknown>): Promise<void> {
  try {
    told[name] = await work() ?? null;
  } catch (error) {
    told[name] = error instanceof GpuError
      ? { kind: error.kind, lower: error.lower, message: error.message }
      : `${error}`;
  }
}

/** Work that takes more than there is, then uses all of it. */
function tooMuch(take: () => Tensor): void {
  const tensors = Array.from({ length: 4096 }, take);
  for (const x of [tensors[0], tensors[4095]]) fill(gpu, x, 1);
}

const kept = gpu.tensor([1, 2, 3]), before = gpu.memory.stats();
fill(gpu, kept, 7); // recorded, but not submitted: to be lost with nobody's failure
await tell("a step", () => gpu.step((gpu) => tooMuch(() => gpu.empty([size], "too much"))));
told["after it"] = { others: [...await gpu.read(kept)], ...gpu.memory.stats() };
await tell("the next step", () =>
  gpu.step(async (gpu) => {
    const x = gpu.empty([1000]);
    fill(gpu, x, 3);
    return (await gpu.read(x))[999];
  }));
await tell("a step that goes on", () =>
  gpu.step(async (gpu) => {
    const tensors = Array.from({ length: 4096 }, () => gpu.empty([size]));
    await new Promise((done) => setTimeout(done));
    fill(gpu, tensors[4095], 1);
  }));

const outside: Tensor[] = [];
fill(gpu, kept, 8);
await tell("outside", () => {
  tooMuch(() => {
    outside.push(gpu.empty([size], "too much"));
    return outside[outside.length - 1];
  });
  return gpu.read(kept);
});
await tell("outside, once", async () => [...await gpu.read(kept)]);
await tell("what failed", () => Promise.resolve(fill(gpu, outside[4095], 1)));
for (const x of outside) gpu.release(x);
await tell("idle", async () => {
  const tensors = Array.from({ length: 4096 }, () => gpu.empty([size]));
  await gpu.idle().finally(() => tensors.forEach((x) => gpu.release(x)));
});
await tell("idle, once", async () => {
  await gpu.idle();
  return [...await gpu.read(kept)];
});
gpu.memory.trim();
told["at the end"] = { before: before.inUse, ...gpu.memory.stats() };
console.log(JSON.stringify(told));
gpu.close();

/** Lets this process take no more than so many bytes of addresses. */
async function limit(bytes: number): Promise<void> {
  const status = await Deno.readTextFile("/proc/self/status");
  const now = 1024 * Number(/VmSize:\s+(\d+)/.exec(status)![1]);
  const { success } = await new Deno.Command("prlimit", {
    args: [`--pid=${Deno.pid}`, `--as=${now + bytes}`],
  })
    .output();
  if (!success) throw new Error("Expected to limit the process's memory, but prlimit failed");
}
