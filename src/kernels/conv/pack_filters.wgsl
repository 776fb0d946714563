// Filters in the order in which correlate.wgsl reads them, and the bias behind them:
//   packed[P · Q · C/WIDTH · KW · WIDTH, O4], packed[rows, O4] = bias     four output channels a value, zeros where there are none
// Row (((p · Q + block) · C/WIDTH + c) · KW + q) · WIDTH + u is tap (p, block · KW + q) of input channel c · WIDTH + u.
// weight[o · outPitch + c · inPitch + t · K + s] is tap (t, s) from channel c to o; tap v of an axis is first + v · step.

struct Params {
  n: u32, across: u32, O: u32, O4: u32, C: u32, Q: u32, KW: u32, WIDTH: u32, K: u32, outPitch: u32, inPitch: u32,
  firstP: u32, stepP: u32, firstQ: u32, stepQ: u32, // steps wrap around where negative
  rows: u32, biased: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn pack(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  if (n >= params.n) { return; }
  let o = vec4u(0u, 1u, 2u, 3u) + n % params.O4 * 4u;
  let row = n / params.O4;
  let u = row % params.WIDTH;
  let q = row / params.WIDTH % params.KW;
  let block = row / params.WIDTH / params.KW; // of channels, which a row of taps has C / WIDTH of
  let c = block % (params.C / params.WIDTH) * params.WIDTH + u;
  let line = block / (params.C / params.WIDTH);
  let t = params.firstP + line / params.Q * params.stepP;
  let s = params.firstQ + (line % params.Q * params.KW + q) * params.stepQ;
  let at = o * params.outPitch + c * params.inPitch + t * params.K + s;
  var v = vec4f(weight[at.x], weight[at.y], weight[at.z], weight[at.w]);
  if (row == params.rows) {
    v = select(vec4f(0.0), vec4f(bias[o.x], bias[o.y], bias[o.z], bias[o.w]), params.biased == 1u);
  }
  packed[n] = select(vec4f(0.0), v, o < vec4u(params.O));
}
