// Convolution (cross-correlation, as torch.nn.functional.conv2d):
//   y[b, i, j, o] = act(bias[o] + Σ_{p,q,c} x[b, i·STRIDE + p − top, j·STRIDE + q − left, c] · w[p, q, c, o])
// x [B, H, W, C], w [K, K, C, O] and y [B, outH, outW, O]; O a multiple of 4. What lies outside of x counts as 0.
// A thread computes COLUMNS neighbouring pixels of 4·FOURS output channels, one row of taps at a time, so that values and
// weights once loaded serve several outputs. each.ts repeats the lines marked @each, for each output j below COLUMNS and o
// below FOURS, tap q below K, channel c below C and column s of x under the outputs.

struct Params { H: u32, W: u32, outH: u32, outW: u32, outC4: u32, top: u32, left: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn load(row: u32, column: u32, c: u32) -> f32 {
  return select(0.0, x[(row + min(column, params.W - 1u)) * C + c], column < params.W);
}

fn store(row: u32, column: u32, o: u32, v: vec4f) {
  if (column < params.outW && o < params.outC4) { y[(row + column) * params.outC4 + o] = activate(v); }
}

@compute @workgroup_size(64)
fn conv(@builtin(global_invocation_id) id: vec3u) {
  let groups = (params.outC4 + FOURS - 1u) / FOURS;
  let o = (id.x % groups) * FOURS;
  let first = (id.x / groups) * COLUMNS;
  if (first >= params.outW) { return; }
  let left = first * STRIDE - params.left; // wraps around where negative, and so do the columns from there on
  // @each var y{j}_{o} = bias[o + {o}u];
  for (var p = 0u; p < K; p++) {
    let line = id.y * STRIDE + p - params.top;
    if (line >= params.H) { continue; }
    let row = (id.z * params.H + line) * params.W;
    // @each c:
      // @each let x{s}_{c} = load(row, left + {s}u, {c}u);
      // @each q:
        // @each let w{q}_{c}_{o} = weight[((p * K + {q}u) * C + {c}u) * params.outC4 + o + {o}u];
        // @each y{j}_{o} += x{j * STRIDE + q}_{c} * w{q}_{c}_{o};
      // @end
    // @end
  }
  let out = (id.z * params.outH + id.y) * params.outW;
  // @each store(out, first + {j}u, o + {o}u, y{j}_{o});
}
