// Filters in the order in which correlate.wgsl reads them, and the bias behind them:
//   packed[P, Q / KW, C / WIDTH, KW, WIDTH, O4], packed[rows, O4] = bias     four output channels o a value, Stored, zeros where there are none
// of P × Q taps and `rows` values without the bias. weight[o · outPitch + c · inPitch + t · K + s] is tap (t, s) from channel c to
// o; tap v of an axis is first + v · step. A thread has all taps of a channel c and four o, or (c = C) a part of the bias.

struct Params {
  across: u32, O: u32, O4: u32, C: u32, P: u32, Q: u32, K: u32, outPitch: u32, inPitch: u32,
  firstP: u32, stepP: u32, firstQ: u32, stepQ: u32, // steps wrap around where negative
  biased: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<One>;
@group(0) @binding(1) var<storage, read> bias: array<One>;
@group(0) @binding(2) var<storage, read_write> packed: array<Stored>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn pack(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  let c = n / params.O4;
  let o4 = n % params.O4;
  let o = vec4u(0u, 1u, 2u, 3u) + o4 * 4u;
  let is = o < vec4u(params.O);
  if (c > params.C) { return; }
  if (c == params.C) {
    let v = vec4f(f32(bias[o.x]), f32(bias[o.y]), f32(bias[o.z]), f32(bias[o.w]));
    packed[params.P * params.Q * params.C * params.O4 + o4] =
      Stored(select(vec4f(0.0), v, is & vec4<bool>(params.biased == 1u)));
    return;
  }
  for (var p = 0u; p < params.P; p++) {
    let line = o * params.outPitch + c * params.inPitch + (params.firstP + p * params.stepP) * params.K;
    for (var q = 0u; q < params.Q; q++) {
      let at = line + params.firstQ + q * params.stepQ;
      let block = (p * (params.Q / KW) + q / KW) * (params.C / WIDTH) + c / WIDTH;
      let row = (block * KW + q % KW) * WIDTH + c % WIDTH;
      let v = vec4f(f32(weight[at.x]), f32(weight[at.y]), f32(weight[at.z]), f32(weight[at.w]));
      packed[row * params.O4 + o4] = Stored(select(vec4f(0.0), v, is));
    }
  }
}
