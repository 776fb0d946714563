import { fill } from "../../src/kernels/dense/elementwise.ts";
import assert from "node:assert/strict";
import { Gpu } from "../../src/gpu/gpu.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { Stream } from "../../src/gpu/stream.ts";

const source = `
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { x[id.x] = 2.0; }
}`;
const GOOD: Kernel = { name: "example", source, entry: "main" };

/** Opens a GPU of its own, which may break, and hands its device over too. */
async function withGpu(
  work: (gpu: Gpu, device: GPUDevice) => Promise<void>,
  timestamps = false,
): Promise<void> {
  const { requestDevice } = GPUAdapter.prototype;
  let device: GPUDevice;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    return device = await requestDevice.call(this, descriptor);
  };
  const gpu = await Gpu.open({ timestamps });
  GPUAdapter.prototype.requestDevice = requestDevice;
  try {
    await work(gpu, device!);
  } finally {
    gpu.close();
  }
}

for (
  const [what, kernel, tensors, message] of [
    [
      "of a wrong type",
      { ...GOOD, source: source.replace("2.0", "2u") },
      ["x"],
      /kernel example\/main: .*wgsl:7:/s,
    ],
    [
      "without its entry point",
      { ...GOOD, entry: "other" },
      ["x"],
      /kernel example\/other: .*entry point 'other'/,
    ],
    ["that binds what it is not given", GOOD, [], /kernel example\/main: .*binding: 0/],
  ] as [string, Kernel, string[], RegExp][]
) {
  Deno.test(`a kernel ${what} is named, and fatal from the next read on`, () =>
    withGpu(async (gpu) => {
      const x = gpu.tensor([1, 2, 3]);
      const dispatch = (kernel: Kernel, names: string[]) =>
        gpu.stream.dispatch(kernel, Object.fromEntries(names.map((name) => [name, x])), { n: 3 }, [1]);
      dispatch(kernel, tensors);
      for (let i = 0; i < 2; i++) await assert.rejects(() => gpu.read(x), { name: "KernelError", message });
      const { stack } = await gpu.read(x).catch((error) => error);
      assert.match(stack, /^KernelError: .*at dispatch .*gpu_test\.ts/s); // where it was asked for
      assert.throws(() => dispatch(GOOD, ["x"]), { name: "KernelError", message });
      assert.throws(() => gpu.tensor([1]), { name: "KernelError", message });
    }));
}

Deno.test("errors of the device tell what was asked for", () =>
  withGpu(async (gpu, device) => {
    const x = gpu.empty([1000, 1000], "the features");
    const error = new GPUOutOfMemoryError("no more");
    device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error, cancelable: true }));
    await assert.rejects(() => gpu.read(x), {
      name: "GpuError",
      kind: "out-of-memory",
      lower: ["batch_size", "feature_size", "image_size"],
      message:
        "The GPU is out of memory: asked for 4.0 MiB for the features [1000,1000] with 0.0 MiB in use last",
    });
  }));

Deno.test("a device that is lost says so at the read that meets it, and ever after", () =>
  withGpu(async (gpu, device) => {
    const x = gpu.tensor([1], [1, 1]);
    device.destroy();
    const lost = {
      name: "GpuError",
      kind: "lost",
      lower: ["batch_size"],
      message: /^The GPU device was lost \(.+\) after .* for a tensor \[1,1\] /,
    };
    for (let i = 0; i < 2; i++) await assert.rejects(() => gpu.read(x), lost);
    assert.throws(() => gpu.tensor([1]), lost);
  }));

Deno.test("a GPU that was closed says so, and is closed as often as one likes", async () => {
  const gpu = await Gpu.open(), x = gpu.tensor([1]);
  gpu.stream.dispatch(GOOD, { x }, { n: 1 }, [1]); // never read
  gpu.close();
  gpu[Symbol.dispose]();
  const closed = { name: "GpuError", kind: "closed", message: /^The GPU was closed/ };
  await assert.rejects(() => gpu.read(x), closed);
  assert.throws(() => gpu.tensor([1]), closed);
  assert.throws(() => gpu.stream.dispatch(GOOD, { x }, { n: 1 }, [1]), closed);
});

Deno.test("profiling tells each kernel's calls and time, once", () =>
  withGpu(async (gpu) => {
    await gpu.stream.times(); // the self-test's
    const x = gpu.empty([200_000]);
    for (let i = 0; i < 1200; i++) gpu.stream.dispatch(GOOD, { x }, { n: i % 64 }, [1]); // more than a submit takes
    gpu.stream.dispatch({ ...GOOD, constants: { UNUSED: 1 } }, { x }, { n: 200_000 }, [3125]);
    assert.equal((await gpu.read(x))[199_999], 2);
    const times = await gpu.stream.times();
    const calls = new Map(times.map(({ name, calls }) => [name, calls]));
    assert.deepEqual(
      calls,
      new Map([["example/main", 1200], ["example/main UNUSED=1", 1]].sort() as [string, number][]),
    );
    assert.ok(times.every(({ milliseconds }) => milliseconds > 0 && milliseconds < 60_000));
    assert.deepEqual(await gpu.stream.times(), []);
  }, true));

Deno.test("without an adapter, there is advice", async () => {
  const { requestAdapter } = GPU.prototype;
  GPU.prototype.requestAdapter = () => Promise.resolve(null);
  try {
    await assert.rejects(() => Gpu.open(), {
      name: "GpuError",
      kind: "no-adapter",
      message: /^No GPU adapter found.*\n.*apt-get install/,
    });
  } finally {
    GPU.prototype.requestAdapter = requestAdapter;
  }
});

Deno.test("an adapter that computes wrong numbers is not used, and its device not left open", async () => {
  const { dispatch } = Stream.prototype, { requestDevice } = GPUAdapter.prototype;
  let device: GPUDevice | undefined;
  Stream.prototype.dispatch = function (kernel, tensors, params, grid) {
    dispatch.call(this, kernel, tensors, { ...params, scale: 0.25 }, grid);
  };
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    return device = await requestDevice.call(this, descriptor);
  };
  try {
    await assert.rejects(() => Gpu.open(), {
      name: "GpuError",
      kind: "self-test",
      message: /^The GPU's self-test failed on ".*": expected \d.* at 0, but found/,
    });
  } finally {
    Stream.prototype.dispatch = dispatch;
    GPUAdapter.prototype.requestDevice = requestDevice;
  }
  assert.equal((await device!.lost).reason, "destroyed");
});

Deno.test("idle waits for all that was recorded, after which closing is safe; a closed GPU says so", async () => {
  const own = await Gpu.open();
  const x = own.empty([1 << 22]);
  for (let i = 0; i < 200; i++) fill(own, x, i);
  await own.idle();
  assert.equal((await own.read(x))[1 << 21], 199);
  own.close();
  await assert.rejects(() => own.idle(), /The GPU was closed/);
});
