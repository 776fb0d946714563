// Batched matrix product with register tiles:  C = dropout(act(alpha · op(A) · op(B) + bias)) + residual + beta · C
//
//   op(A) [M, K]: A row-major [M, K], or [K, M] where TRANS_A      op(B) [K, N]: B row-major [K, N], or [N, K] where TRANS_B
//   bias [N], residual laid out as C.  Batch z = outer · inner: operand X begins at offX + outer · outerX + inner · innerX.
//
// A thread computes a TM×TN tile of C from registers, four k at a time. Everything is counted in floats; where VEC, all
// rows begin on 16 bytes and K, N (and M where TRANS_A) are multiples of 4. With splits > 1 each split of K writes its
// partial product to C + split · M · N and `columns.wgsl` adds them up in a fixed order. What the epilogue does is fixed by
// constants: it is repeated for every four outputs, and a plain one compiles in a quarter of the time.
// Where subgroups share B, a workgroup is a subgroup, whose threads compute tiles below each other.
// The lines marked @generate are straight-line code made by gemm_text.ts.

struct Params {
  M: u32, N: u32, K: u32, tiles: u32, tilesN: u32,
  lda: u32, ldb: u32, ldc: u32,
  offA: u32, offB: u32, offC: u32,
  inner: u32, outerA: u32, outerB: u32, outerC: u32, innerA: u32, innerB: u32, innerC: u32,
  splits: u32, chunk: u32,  // K in `splits` pieces of `chunk`
  alpha: f32,
  offBias: u32,
  seed: u32, threshold: u32, rescale: f32, // dropout by position in C
}

@group(0) @binding(0) var<storage, read> a: array<Stored>;
@group(0) @binding(1) var<storage, read> b: array<Stored>;
@group(0) @binding(2) var<storage, read_write> c: array<Stored>;
@group(0) @binding(3) var<storage, read> vector: array<Stored>; // bias
@group(0) @binding(4) var<storage, read> skip: array<Stored>;   // residual
@group(1) @binding(0) var<uniform> params: Params;

fn activate(v: Element) -> Element {
  if (ACT == 1u) { return max(v, Element(0.0)); }
  if (ACT == 2u) { return v / (Element(1.0) + exp(-v)); }
  if (ACT == 3u) { return Element(1.0) / (Element(1.0) + exp(-v)); }
  return v;
}

fn epilogue(index: u32, col: u32, value: Element) {
  var v = params.alpha * value;
  if (BIAS) { v += Element(vector[params.offBias / WIDTH + col]); }
  v = activate(v);
  if (DROP) { v = drop_out(v, index, params.seed, params.threshold, params.rescale); }
  if (RESIDUAL) { v += Element(skip[index]); }
  if (ADD) { v += Element(c[index]); }
  c[index] = Stored(v);
}

// @generate access

@compute @workgroup_size(THREADS)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) group: vec3u,
  // @generate lane
) {
  // @generate place
  let z = id.z / params.splits;
  let split = id.z % params.splits;
  let outer = z / params.inner;
  let inner = z % params.inner;
  let baseA = params.offA + outer * params.outerA + inner * params.innerA;
  let baseB = params.offB + outer * params.outerB + inner * params.innerB;
  let baseC = params.offC + outer * params.outerC + inner * params.innerC + split * params.M * params.N;
  let end = min(params.K, (split + 1u) * params.chunk);
  // @generate declare
  for (var k = split * params.chunk; k < end; k += 4u) {
    // @generate inner
  }
  // @generate finish
}
