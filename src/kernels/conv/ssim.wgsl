// Structural similarity of maps x and y (Wang et al. 2004) and its gradients, by a separable filter of K weights that sums over
// one axis at a time. Means are over the part of the window that lies within the map: a sum, times `shares`, 1 over the sum of
// the weights that counted. Without them the filter is its own adjoint, so all of them are taken where the sums meet.
// With s = x + y and e = x − y, the usual (2 μx μy + c₁) (2 σxy + c₂) / ((μx² + μy² + c₁) (σx² + σy² + c₂)) is
// (1 − μe² / d₁) (1 − σe² / d₂) of d₁ = ½ (μs² + μe²) + c₁ and d₂ = ½ (σs² + σe²) + c₂: where the maps are alike, rounding of
// variances, which are small differences of large means, is of no account.
//   moments    half = the sums along W of (s, e, s², e²)
//   compare    map from their means (a, b, p, q) over the window, the sums along H of half: μs = a, μe = b, σs² = p − a²,
//              σe² = q − b²; and slopes = ∂map/∂(a, b, p, q) · shares, where they are wanted
//   back       half = the sums along W of dmap · slopes
//   gradient   with g = the sums along H of half: dx = g_a + 2 s g_p + (g_b + 2 e g_q), or added to what is there where `add`;
//              dy has a minus before the parentheses: x and y exchanged, and −g_b where `second`
// x, y, map, dmap, dx [B, H, W, C]; half and slopes [B, H, W, C, 4]; shares [H + W]. A thread has OUTPUTS neighbours along its axis.
//
// A line marked @each is repeated by each.ts: outputs i below OUTPUTS, and taps t, the positions in their windows, below
// TAPS = OUTPUTS + K − 1; w0, w1, … are the weights.

struct Params {
  threads: u32, across: u32,
  n: u32, inner: u32, blocks: u32, // along the axis: its length, how far positions lie apart, and threads for one line
  H: u32, W: u32, C: u32,
  c1: f32, c2: f32,
  second: u32, add: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(3) var<storage, read> half: array<vec4f>;
@group(0) @binding(4) var<storage, read> shares: array<f32>;
@group(0) @binding(5) var<storage, read_write> map: array<f32>;
@group(0) @binding(6) var<storage, read_write> slopes_out: array<vec4f>;
@group(0) @binding(7) var<storage, read> slopes: array<vec4f>;
@group(0) @binding(8) var<storage, read> dmap: array<f32>;
@group(0) @binding(9) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// A thread's line: where its position 0 is, the thread's first output on it, and its place in the line below it.
struct Line { start: u32, first: u32, inner: u32, there: bool }

fn line_of(id: vec3u) -> Line {
  let i = id.y * params.across + id.x;
  let inner = i % params.inner;
  let block = i / params.inner;
  let start = block / params.blocks * params.n * params.inner + inner;
  return Line(start, block % params.blocks * OUTPUTS, inner, i < params.threads);
}

// Whether tap t lies on the line, and where it is, or its nearest position that does.
fn is_on(line: Line, t: u32) -> bool { return line.first + t >= RADIUS && line.first + t < params.n + RADIUS; }
fn tap(line: Line, t: u32) -> u32 {
  return line.start + (clamp(line.first + t, RADIUS, params.n + RADIUS - 1u) - RADIUS) * params.inner;
}
fn output(line: Line, i: u32) -> u32 { return line.start + (line.first + i) * params.inner; }

fn products(i: u32) -> vec4f {
  let means = vec2f(x[i] + y[i], x[i] - y[i]);
  return vec4f(means, means * means);
}

@compute @workgroup_size(64)
fn moments(@builtin(global_invocation_id) id: vec3u) {
  let line = line_of(id);
  if (!line.there) { return; }
  // @each var s{i} = vec4f(0.0);
  // @each t:
  // @each let v{t} = select(vec4f(0.0), products(tap(line, {t}u)), is_on(line, {t}u));
  // @each s{i} += w{t - i < K} * v{t};
  // @end
  // @each if (line.first + {i}u < params.n) { sums[output(line, {i}u)] = s{i}; }
}

@compute @workgroup_size(64)
fn back(@builtin(global_invocation_id) id: vec3u) {
  let line = line_of(id);
  if (!line.there) { return; }
  // @each var s{i} = vec4f(0.0);
  // @each t:
  // @each let p{t} = tap(line, {t}u);
  // @each let v{t} = select(vec4f(0.0), dmap[p{t}] * slopes[p{t}], is_on(line, {t}u));
  // @each s{i} += w{t - i < K} * v{t};
  // @end
  // @each if (line.first + {i}u < params.n) { sums[output(line, {i}u)] = s{i}; }
}

fn share(line: Line, i: u32) -> f32 { return shares[line.first + i] * shares[params.H + line.inner / params.C]; }

fn compare_at(at: u32, m: vec4f, share: f32) {
  let squares = m.xy * m.xy;
  let variances = max(m.zw - squares, vec2f(0.0)); // which rounding must not leave below 0
  let d1 = 0.5 * (squares.x + squares.y) + params.c1;
  let d2 = 0.5 * (variances.x + variances.y) + params.c2;
  let means = 1.0 - squares.y / d1;
  let structure = 1.0 - variances.y / d2;
  map[at] = means * structure;
  // @each slope:
  let by_d1 = structure * squares.y / (d1 * d1);
  let p = 0.5 * means * variances.y / (d2 * d2);
  let q = p - means / d2;
  slopes_out[at] = share * vec4f(m.x * (by_d1 - 2.0 * p), m.y * (by_d1 - 2.0 * structure / d1 - 2.0 * q), p, q);
  // @end
}

@compute @workgroup_size(64)
fn compare(@builtin(global_invocation_id) id: vec3u) {
  let line = line_of(id);
  if (!line.there) { return; }
  // @each var s{i} = vec4f(0.0);
  // @each t:
  // @each let v{t} = select(vec4f(0.0), half[tap(line, {t}u)], is_on(line, {t}u));
  // @each s{i} += w{t - i < K} * v{t};
  // @end
  // @each let r{i} = share(line, {i}u);
  // @each if (line.first + {i}u < params.n) { compare_at(output(line, {i}u), r{i} * s{i}, r{i}); }
}

fn put(at: u32, g: vec4f) {
  let s = x[at] + y[at];
  let e = x[at] - y[at];
  let gradient = g.x + 2.0 * s * g.z + select(g.y, -g.y, params.second == 1u) + 2.0 * e * g.w;
  if (params.add == 1u) { dx[at] += gradient; } else { dx[at] = gradient; }
}

@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u) {
  let line = line_of(id);
  if (!line.there) { return; }
  // @each var s{i} = vec4f(0.0);
  // @each t:
  // @each let v{t} = select(vec4f(0.0), half[tap(line, {t}u)], is_on(line, {t}u));
  // @each s{i} += w{t - i < K} * v{t};
  // @end
  // @each if (line.first + {i}u < params.n) { put(output(line, {i}u), s{i}); }
}
