// The gradient of a weight from the parts that weight_gradient.wgsl wrote:
//   dweight[a, b, t, s] = Σ_split parts[split, t, s / KW, b, s % KW, a]    (+ dweight where `add`)
// parts [splits, K, K / KW, C, KW, pitch], dweight [A, C, K, K], pitch at least A. Where TURNED it is a gradient of flipped
// filters, inputs and outputs exchanged: dweight [C, A, K, K] at (b, a, K − 1 − t, K − 1 − s). A thread has one value of
// dweight.

struct Params { n: u32, across: u32, splits: u32, K: u32, KW: u32, A: u32, C: u32, pitch: u32, add: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> dweight: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn unpack(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  if (n >= params.n) { return; }
  let channels = n / params.K / params.K;
  var a = channels / params.C;
  var b = channels % params.C;
  var t = n / params.K % params.K;
  var s = n % params.K;
  if (TURNED) {
    a = channels % params.A;
    b = channels / params.A;
    t = params.K - 1u - t;
    s = params.K - 1u - s;
  }
  let block = t * (params.K / params.KW) + s / params.KW;
  let at = ((block * params.C + b) * params.KW + s % params.KW) * params.pitch + a;
  let size = params.K * params.K * params.C * params.pitch;
  var sum = 0.0;
  for (var i = 0u; i < params.splits; i++) { sum += parts[i * size + at]; }
  if (params.add == 1u) { sum += dweight[n]; }
  dweight[n] = sum;
}
