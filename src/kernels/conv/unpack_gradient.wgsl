// The gradient of a weight from the parts that weight_gradient.wgsl wrote:
//   dweight[a, b, t, s] = Σ_split parts[split, t, s / KW, b, s % KW, a]    (+ dweight where `add`)
// parts [splits, K, K / KW, C, KW, pitch], pitch at least A; dweight [A, C, K, K]. Where TURNED it is a gradient of filters with
// inputs and outputs exchanged: dweight [C, A, K, K] at (b, a, K − 1 − t, K − 1 − s). A thread has all taps of an a and a b.

struct Params { across: u32, splits: u32, A: u32, C: u32, pitch: u32, add: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> dweight: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn unpack(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  let a = n % params.A;
  let b = n / params.A;
  if (b >= params.C) { return; }
  let size = K * K * params.C * params.pitch;
  let first = select(a * params.C + b, b * params.A + a, TURNED) * K * K;
  for (var tap = 0u; tap < K * K; tap++) {
    let block = tap / KW; // K is KW, or KW is 1
    let at = ((block * params.C + b) * KW + tap % KW) * params.pitch + a;
    var sum = 0.0;
    for (var i = 0u; i < params.splits; i++) { sum += parts[i * size + at]; }
    let to = first + select(tap, K * K - 1u - tap, TURNED);
    if (params.add == 1u) { sum += dweight[to]; }
    dweight[to] = sum;
  }
}
