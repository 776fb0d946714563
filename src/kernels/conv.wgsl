// Convolution (cross-correlation, as torch.nn.functional.conv2d):
//   y[b, i, j, o] = act(bias[o] + Σ_{p,q,c} x[b, i·stride + p − top, j·stride + q − left, c] · w[p, q, c, o])
// x [B, H, W, C], w [K, K, C, O] and y [B, outH, outW, O]; O a multiple of 4. What lies outside of x counts as 0.
// A thread computes four neighbouring pixels of four output channels.

struct Params {
  H: u32, W: u32, C: u32, outH: u32, outW: u32, outC4: u32,
  K: u32, stride: u32, top: u32, left: u32,
  act: u32, // 0 none, 1 ReLU, 2 SiLU, 3 sigmoid
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn activate(v: vec4f) -> vec4f {
  if (params.act == 1u) { return max(v, vec4f(0.0)); }
  if (params.act == 2u) { return v / (1.0 + exp(-v)); }
  if (params.act == 3u) { return 1.0 / (1.0 + exp(-v)); }
  return v;
}

fn load(row: u32, column: u32, c: u32) -> f32 {
  return select(0.0, x[(row + min(column, params.W - 1u)) * params.C + c], column < params.W);
}

fn store(row: u32, column: u32, o: u32, v: vec4f) {
  if (column < params.outW) { y[(row + column) * params.outC4 + o] = activate(v); }
}

@compute @workgroup_size(64)
fn conv(@builtin(global_invocation_id) id: vec3u) {
  let o = id.x % params.outC4;
  let first = (id.x / params.outC4) * 4u;
  if (first >= params.outW) { return; }
  let step = params.stride;
  var y0 = bias[o];
  var y1 = y0;
  var y2 = y0;
  var y3 = y0;
  for (var p = 0u; p < params.K; p++) {
    let line = id.y * step + p - params.top; // wraps around where negative, and so do the columns below
    if (line >= params.H) { continue; }
    let row = (id.z * params.H + line) * params.W;
    for (var q = 0u; q < params.K; q++) {
      let at = first * step + q - params.left;
      let tap = (p * params.K + q) * params.C;
      for (var c = 0u; c < params.C; c++) {
        let w = weight[(tap + c) * params.outC4 + o];
        y0 += load(row, at, c) * w;
        y1 += load(row, at + step, c) * w;
        y2 += load(row, at + 2u * step, c) * w;
        y3 += load(row, at + 3u * step, c) * w;
      }
    }
  }
  let out = (id.z * params.outH + id.y) * params.outW;
  store(out, first, o, y0);
  store(out, first + 1u, o, y1);
  store(out, first + 2u, o, y2);
  store(out, first + 3u, o, y3);
}
