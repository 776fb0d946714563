import assert from "node:assert/strict";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { gpu } from "../gpu.ts";

const source = `
struct Params { n: u32, shift: i32, factor: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64)
fn scale(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { y[id.x] = params.factor * x[id.x] + f32(params.shift) + EXTRA; }
}
@compute @workgroup_size(64)
fn twice(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { y[id.x] *= 2.0; }
}`;
const SCALE: Kernel = { name: "example", source, entry: "scale", constants: { EXTRA: 0 } };
const TWICE: Kernel = { ...SCALE, entry: "twice" };
const PARAMS = { n: 3, shift: -2, factor: 0.5 };

Deno.test("dispatches run in the order in which they were recorded", async () => {
  const x = gpu.tensor([2, 4, 6]), y = gpu.empty([3]);
  await gpu.read(x); // a new buffer to read through would be a submit more
  const { submits } = gpu.stream.counts;
  gpu.stream.dispatch(SCALE, { x, y }, PARAMS, [1]);
  for (let i = 0; i < 3; i++) gpu.stream.dispatch(TWICE, { y }, PARAMS, [1]);
  gpu.stream.dispatch({ ...SCALE, constants: { EXTRA: 1 } }, { x: y, y: x }, { n: 2, shift: 0, factor: 1 }, [
    1,
  ]);
  assert.deepEqual([...await gpu.read(y)], [-8, 0, 8]);
  assert.deepEqual([...await gpu.read(x)], [-7, 1, 6]);
  assert.equal(gpu.stream.counts.submits - submits, 2);
});

Deno.test("a write does not overtake what was recorded before, nor a dispatch a write", async () => {
  const x = gpu.tensor([1, 1, 1]), y = gpu.empty([3]);
  gpu.stream.dispatch(SCALE, { x, y }, { ...PARAMS, shift: 0 }, [1]);
  gpu.stream.write(x, Float32Array.of(8, 8, 8));
  assert.deepEqual([...await gpu.read(y)], [0.5, 0.5, 0.5]);
  gpu.stream.dispatch(SCALE, { x, y }, { ...PARAMS, shift: 0 }, [1]);
  assert.deepEqual([...await gpu.read(y)], [4, 4, 4]);
  assert.throws(
    () => gpu.stream.write(x, new Float32Array(2)),
    /Expected 3 values of f32 for \[3\], but found 2 of f32/,
  );
});

Deno.test("several arrays are written one behind the other, wherever they begin in theirs", async () => {
  const x = gpu.empty([2, 3]), all = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7);
  gpu.stream.write(x, all.subarray(1, 2), new Float32Array(0), all.subarray(3));
  assert.deepEqual([...await gpu.read(x)], [1, 3, 4, 5, 6, 7]);
  assert.throws(() => gpu.stream.write(x, all.subarray(1), all), /Expected 6 values .* found 15 of f32/);
  // deno-lint-ignore no-explicit-any -- what types forbid, the stream refuses too
  const other = new Uint32Array(3) as any;
  assert.throws(() => gpu.stream.write(x, all.subarray(0, 3), other), /found 6 of f32 and u32/);
  const half = gpu.empty([4], "numbers", "f16"), odd = Float16Array.of(1, 2, 3);
  assert.throws(() => gpu.stream.write(half, odd, odd.subarray(2)), /an even number of values of f16/);
  gpu.stream.write(half, odd.subarray(0, 2), odd.subarray(1));
  assert.deepEqual([...await gpu.read(half)], [1, 2, 2, 3]);
  assert.deepEqual([...await gpu.read(x)], [1, 3, 4, 5, 6, 7]);
});

Deno.test("a write alone is read back, and so is a copy", async () => {
  const x = gpu.tensor([1, 2, 3]), y = gpu.empty([3, 1]);
  assert.deepEqual([...await gpu.read(x)], [1, 2, 3]);
  gpu.stream.copy(x, y);
  gpu.stream.dispatch(TWICE, { y: x }, PARAMS, [1]);
  const [before, after] = await gpu.stream.read(y, x);
  assert.deepEqual([...before, ...after], [1, 2, 3, 2, 4, 6]);
  assert.throws(
    () => gpu.stream.copy(x, gpu.empty([4])),
    /Expected 4 values of f32 to copy, but found 3 of f32/,
  );
});

Deno.test("several tensors are read in one submit, each its own size, also one of them twice", async () => {
  const x = gpu.tensor([1]), y = gpu.tensor(Float32Array.from({ length: 1000 }, (_, i) => i));
  const { submits } = gpu.stream.counts;
  const [a, b, c] = await gpu.stream.read(x, y, x);
  assert.equal(gpu.stream.counts.submits - submits, 1);
  assert.deepEqual([[...a], b.length, b[999], [...c]], [[1], 1000, 999, [1]]);
});

Deno.test("reads at once do not mix", async () => {
  const tensors = [1, 2, 3].map((v) => gpu.tensor([v, v]));
  const found = await Promise.all(tensors.map((x) => gpu.read(x)));
  assert.deepEqual(found.map((values) => [...values]), [[1, 1], [2, 2], [3, 3]]);
});

Deno.test("what was read is the reader's: it is not kept alive, and not overwritten", async () => {
  const x = gpu.tensor([1, 2]), first = await gpu.read(x);
  gpu.stream.write(x, Float32Array.of(3, 4));
  assert.deepEqual([...await gpu.read(x)], [3, 4]);
  assert.deepEqual([...first], [1, 2]);

  const large = gpu.empty([1 << 20]);
  await gpu.read(large);
  const alive: WeakRef<Float32Array>[] = [];
  for (let i = 0; i < 40; i++) alive.push(new WeakRef(await gpu.read(large)));
  await new Promise((done) => setTimeout(done)); // WeakRefs hold until the turn ends
  const { external } = Deno.memoryUsage();
  assert.ok(external < 120 * 2 ** 20, `${external} bytes after reading 40 times 4 MiB`);
  assert.ok(alive.some((ref) => !ref.deref()));
});

Deno.test("more dispatches than go into one submit keep their parameters", async () => {
  const sums = gpu.tensor(new Float32Array(3)), y = gpu.empty([3]);
  const { submits } = gpu.stream.counts, ADD = { ...SCALE, constants: { EXTRA: 0 } };
  for (let i = 0; i < 1500; i++) {
    const [from, to] = i % 2 ? [y, sums] : [sums, y];
    gpu.stream.dispatch(ADD, { x: from, y: to }, { n: 3, shift: i, factor: 1 }, [1]);
  }
  assert.deepEqual([...await gpu.read(sums)], Array(3).fill(1500 * 1499 / 2));
  assert.equal(gpu.stream.counts.submits - submits, 2);
});

Deno.test("wrong names of tensors and parameters are refused, also once the kernel is known", async () => {
  const x = gpu.tensor([1, 2, 3]), y = gpu.empty([3]);
  const run = (tensors: object, params: object) => () =>
    gpu.stream.dispatch(SCALE, { ...tensors }, { ...params }, [1]);
  for (let i = 0; i < 2; i++) {
    const first = { ...SCALE, source: `${source} // ${i}` };
    assert.throws(() => gpu.stream.dispatch(first, { x, why: y }, PARAMS, [1]), /binds no "why"/);
    assert.throws(run({ x, y }, { n: 3, shift: 0 }), /takes n,shift,factor, but was given n,shift/);
    assert.throws(run({ x, y }, { ...PARAMS, more: 1 }), /but was given n,shift,factor,more/);
    assert.throws(run({ x, y }, { n: 3, shift: 0, fact: 1 }), /was not given "factor"/);
    assert.throws(run({ x }, PARAMS), /binds x,y, but was given x/);
    assert.throws(run({ x, y, z: y }, PARAMS), /binds x,y, but was given x,y,z/);
    assert.throws(run({ x, z: y }, PARAMS), /was not given the tensor "y"/);
    run({ x, y }, PARAMS)();
  }
  assert.deepEqual([...await gpu.read(y)], [-1.5, -1, -0.5]);
});

Deno.test("more workgroups than a dimension takes are refused", () => {
  const x = gpu.empty([3]), y = gpu.empty([3]);
  const grids = [[65536], [1, 65536], [1, 1, 65536]] as [number, number?, number?][];
  for (const grid of grids) {
    assert.throws(
      () => gpu.stream.dispatch(SCALE, { x, y }, PARAMS, grid),
      /^RangeError: Expected at most 65535 workgroups a dimension for example, but found/,
    );
  }
});

Deno.test("kernels are known by their text: one of the same name and another text is another", async () => {
  const x = gpu.tensor([1, 2, 3]), y = gpu.empty([3]), { pipelines } = gpu.stream.counts;
  const found = [];
  for (const factor of ["2.0", "5.0"]) {
    const text = source.replace("params.factor", factor);
    gpu.stream.dispatch({ ...SCALE, source: text }, { x, y }, PARAMS, [1]);
    found.push([...await gpu.read(y)]);
  }
  assert.deepEqual(found, [[0, 2, 4], [3, 8, 13]]);
  assert.equal(gpu.stream.counts.pipelines - pipelines, 2);
  const again = source.replace("params.factor", "5.0");
  gpu.stream.dispatch({ ...SCALE, name: "by another name", source: again }, { x, y }, PARAMS, [1]);
  assert.equal(gpu.stream.counts.pipelines - pipelines, 2);
});

Deno.test("a kernel with a mark that nothing was put in the place of is refused", () => {
  const x = gpu.empty([3]);
  for (const mark of ["@each let x{row} = 1;", "@generate inner"]) {
    assert.throws(
      () => gpu.stream.dispatch({ ...TWICE, source: `${source}\n// ${mark}` }, { y: x }, PARAMS, [1]),
      { name: "TypeError", message: `Kernel example/twice EXTRA=0 has a line left to fill in: // ${mark}` },
    );
  }
});

Deno.test("whole numbers come back as they were written, and kernels get what they bind", async () => {
  const numbers = Uint32Array.of(1, 2 ** 32 - 1, 0x7fc00001),
    n = gpu.tensor(numbers),
    x = gpu.tensor([1, 2, 3]);
  assert.deepEqual(await gpu.read(n), numbers);
  assert.deepEqual(await gpu.read(n.part(1, [2])), numbers.subarray(1));
  const [found, floats] = await gpu.stream.read(n, x);
  assert.deepEqual([found, floats], [numbers, Float32Array.of(1, 2, 3)]);
  assert.equal(gpu.empty([2], "numbers", "u32").view([1, 2]).dtype, "u32");
  assert.throws(() => gpu.stream.dispatch(SCALE, { x: n, y: x }, PARAMS, [1]), {
    name: "TypeError",
    message: 'Kernel example/scale EXTRA=0 binds f32 as "x", but was given u32',
  });
  // deno-lint-ignore no-explicit-any -- what types forbid, the stream refuses too
  const any = (tensor: unknown) => tensor as any;
  assert.throws(() => gpu.stream.write(any(n), new Float32Array(3)), /Expected 3 values of u32 .* 3 of f32/);
  assert.throws(() => gpu.stream.copy(any(n), x), /Expected 3 values of f32 to copy, but found 3 of u32/);
});

Deno.test("what was given back is used by nobody, not by a view or a part either", async () => {
  const x = gpu.empty([3]), y = gpu.empty([3]), of = [x, x.view([3, 1]), x.part(0, [3])];
  gpu.release(x);
  const other = gpu.tensor([1, 2, 3]); // most likely with the same memory
  for (const gone of of) {
    assert.throws(() => gpu.stream.dispatch(SCALE, { x: gone, y }, PARAMS, [1]), {
      message: 'Expected "x" of kernel example/scale EXTRA=0 in use, but its memory was given back',
    });
    assert.throws(() => gpu.stream.write(gone, new Float32Array(3)), /in use to be written, but/);
    assert.throws(() => gpu.stream.copy(gone, y), /in use to be copied, but its memory was given back/);
    await assert.rejects(() => gpu.read(gone), /in use to be read, but its memory was given back/);
    assert.throws(() => gpu.release(gone), /in use, but its memory was given back before/);
  }
  assert.deepEqual([...await gpu.read(other)], [1, 2, 3]);
});

Deno.test("a part that a kernel can't bind says so", () => {
  const x = gpu.empty([100]), y = gpu.empty([3]);
  gpu.stream.dispatch(SCALE, { x: x.part(64, [3]), y }, PARAMS, [1]);
  assert.throws(
    () => gpu.stream.dispatch(SCALE, { x: x.part(1, [3]), y }, PARAMS, [1]),
    /^RangeError: Expected "x" of kernel example\/scale EXTRA=0 to begin on 256 bytes, but found 4/,
  );
  for (const [first, size] of [[98, 3], [-1, 3], [0.5, 3]]) {
    assert.throws(() => x.part(first, [size]), /^RangeError: Expected a part of the 100 values of \[100\]/);
  }
});

Deno.test("a reading that fails keeps no buffer from those after it", async () => {
  const x = gpu.tensor(new Float32Array(5000)), { mapAsync, destroy } = GPUBuffer.prototype;
  await gpu.stream.read(x, x);
  let made = 0, destroyed = 0;
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    made++;
    return createBuffer.call(this, descriptor);
  };
  GPUBuffer.prototype.destroy = function () {
    destroyed++;
    return destroy.call(this);
  };
  try {
    for (let i = 0; i < 5; i++) {
      let first = true;
      GPUBuffer.prototype.mapAsync = function (...args) {
        if (!first) return mapAsync.apply(this, args);
        first = false;
        return Promise.reject(new Error("on purpose"));
      };
      await assert.rejects(() => gpu.stream.read(x, x), {
        name: "GpuError",
        kind: "read",
        message: /on purpose/,
      });
    }
    GPUBuffer.prototype.mapAsync = mapAsync;
    await gpu.stream.read(x, x);
    assert.deepEqual([made, destroyed], [5, 5]); // one for each that failed
  } finally {
    GPUDevice.prototype.createBuffer = createBuffer;
    Object.assign(GPUBuffer.prototype, { mapAsync, destroy });
  }
});
