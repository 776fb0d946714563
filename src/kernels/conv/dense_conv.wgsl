// Dense convolution over many channels as a matrix product whose left operand is never written down:
//   y[m, o] = act(bias[o] + Σ_{p,q,c} x[b, i·stride + p − top, j·stride + q − left, c] · w[p, q, c, o]  (+ skip[m, o]))
// with m = (b · outH + i) · outW + j. x [B, H, W, C], w [K, K, C, O], skip and y [B, outH, outW, O]; C and O multiples
// of 4. What lies outside of x counts as 0.
// A thread computes TN channels of TM windows, LANES apart, four channels of x at a time: the pixels under its windows'
// (p, q) are found once for all C. With LANES > 1 a workgroup is a subgroup of as many threads, which need the same
// weights: each loads its share of them and hears the others from its neighbours. Marked lines are
// repeated by each.ts, for each window i below TM, four channels j below TN / 4, channel k of four of x, and share s of
// the weights.

struct Params {
  M: u32, C4: u32, O4: u32, H: u32, W: u32, outH: u32, outW: u32, tilesN: u32,
  K: u32, stride: u32, top: u32, left: u32,
  add: u32, // 1 adds skip
}
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> skip: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

// Top left of window m: the image's first line in x, and line and column within the image, which wrap around where negative.
fn corner(m: u32) -> vec3u {
  let line = m / params.outW;
  return vec3u(
    line / params.outH * params.H,
    line % params.outH * params.stride - params.top,
    m % params.outW * params.stride - params.left,
  );
}

// Where the pixel (p, q) of a window begins in x, and 1, or 0 where it lies outside.
fn pixel(corner: vec3u, p: u32, q: u32) -> vec2u {
  let line = corner.y + p;
  let column = corner.z + q;
  let inside = line < params.H && column < params.W;
  return select(vec2u(0u), vec2u(((corner.x + line) * params.W + column) * params.C4, 1u), inside);
}

// The n-th of the weights of four channels of x for TN channels of y, from w on.
fn load(w: u32, n: u32) -> vec4f { return weight[w + n / (TN / 4u) * params.O4 + n % (TN / 4u)]; }

fn store(m: u32, o: u32, sum: vec4f) {
  if (m >= params.M || o >= params.O4) { return; }
  var v = sum + bias[o];
  if (params.add == 1u) { v += skip[m * params.O4 + o]; }
  y[m * params.O4 + o] = activate(v);
}

@compute @workgroup_size(THREADS)
fn conv(
  @builtin(global_invocation_id) id: vec3u,
  // @each shared:
  @builtin(subgroup_invocation_id) lane: u32,
  // @end
) {
  let tile = id.x / LANES;
  let m0 = tile / params.tilesN * TM * LANES + id.x % LANES;
  let o0 = tile % params.tilesN * (TN / 4u);
  // @each alone:
  if (m0 >= params.M) { return; }
  // @end
  // @each let corner{i} = corner(m0 + {i}u * LANES);
  // @each var y{i}_{j} = vec4f(0.0);
  for (var t = 0u; t < params.K * params.K; t++) {
    // @each let pixel{i} = pixel(corner{i}, t / params.K, t % params.K);
    // @each let is{i} = f32(pixel{i}.y);
    for (var c = 0u; c < params.C4; c++) {
      let w = (t * params.C4 + c) * 4u * params.O4 + o0;
      // @each let x{i} = x[pixel{i}.x + c] * is{i};
      // @each shared:
      // @each let share{s} = load(w, lane + {s * LANES}u);
      // @each let w{k}_{j} = subgroupBroadcast(share{(k * FOURS + j) / LANES}, {(k * FOURS + j) % LANES}u);
      // @end
      // @each alone:
      // @each let w{k}_{j} = weight[w + {k}u * params.O4 + {j}u];
      // @end
      // @each y{i}_{j} = y{i}_{j} + x{i}.x * w0_{j} + x{i}.y * w1_{j} + x{i}.z * w2_{j} + x{i}.w * w3_{j};
    }
  }
  // @each store(m0 + {i}u * LANES, o0 + {j}u, y{i}_{j});
}
