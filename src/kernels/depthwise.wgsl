// Depthwise convolution with bias and SiLU (torch.nn.functional.conv2d with groups = C):
//   y[b, i, j, c] = silu(bias[c] + Σ_{p,q} x[b, i·STRIDE + p − top, j·STRIDE + q − left, c] · w[p, q, c])
// x [B, H, W, C], w [K, K, C] and y [B, outH, outW, C]; C a multiple of 4. What lies outside of x counts as 0.
// A thread computes COLUMNS neighbouring pixels of four channels, one row of taps at a time, so that a value once
// loaded serves all the windows over it. The lines marked @generate are straight-line code made by depthwise.ts.

struct Params { H: u32, W: u32, C4: u32, outH: u32, outW: u32, top: u32, left: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn load(row: u32, column: u32, c: u32) -> vec4f {
  return select(vec4f(0.0), x[(row + min(column, params.W - 1u)) * params.C4 + c], column < params.W);
}

fn store(row: u32, column: u32, c: u32, v: vec4f) {
  if (column < params.outW) { y[(row + column) * params.C4 + c] = v / (1.0 + exp(-v)); }
}

@compute @workgroup_size(64)
fn depthwise(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x % params.C4;
  let first = (id.x / params.C4) * COLUMNS;
  if (first >= params.outW) { return; }
  let left = first * STRIDE - params.left; // wraps around where negative, and so do the columns from there on
  // @generate declare
  for (var p = 0u; p < K; p++) {
    let line = id.y * STRIDE + p - params.top;
    if (line >= params.H) { continue; }
    let row = (id.z * params.H + line) * params.W;
    // @generate taps
  }
  let out = (id.z * params.outH + id.y) * params.outW;
  // @generate finish
}
