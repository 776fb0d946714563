// ADTR+'s losses (docs/method.md §4) and FCDD's, B images of N positions u: x and wanted [B, N, C, padded]; m, roles and slopes [B, N].
//   means     m[u] = 1/C Σ_c |x − wanted|
//   labelled  roles[u] = 1 where y is 0 (pull φ down), −1 where it is 1 (push φ up): y [B, N], or [B] with N `columns`
//   k_largest roles[u] likewise by y [B], but 0 where m[u] is not among its image's k largest, the first of equals
//   loss      losses[image] = 1/n Σ φ over role 1 − α log(1 − exp(−r)), r = 1/n Σ φ over role −1, where there are any;
//             slopes[u] = ∂losses[image] / ∂m[u]; φ = sqrt(m² + 1) − 1, or m itself where `plain`
//   gradient  dx = factor · dloss[0] · slopes[u] · sign(x − wanted)
//   slope     dm = factor · dloss[0] · slopes[u], or added to what is there where `add`

struct Params {
  rows: u32, columns: u32, across: u32, C: u32, k: u32, n: u32, alpha: f32, factor: f32, plain: u32, add: u32, // columns in Elements in means, gradient
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> wanted: array<Element>;
@group(0) @binding(2) var<storage, read_write> m: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> roles: array<f32>;
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;
@group(0) @binding(6) var<storage, read_write> slopes: array<f32>;
@group(0) @binding(7) var<storage, read> dloss: array<f32>;
@group(0) @binding(8) var<storage, read_write> dx: array<Element>;
@group(0) @binding(9) var<storage, read_write> dm: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const LEAST = 1e-7; // of 1 − exp(−r) under the logarithm

// The pseudo-Huber φ = sqrt(m² + 1) − 1, without the difference that leaves nothing of a small m.
fn huber(m: f32) -> f32 { return m * m / (sqrt(m * m + 1.0) + 1.0); }

fn error(m: f32) -> f32 { return select(huber(m), m, params.plain == 1u); }

// 1 − exp(−r), by its Taylor series where the difference would lose digits.
fn one_minus_exp(r: f32) -> f32 {
  if (r > 0.5) { return 1.0 - exp(-r); }
  var sum = 1.0;
  for (var i = 9.0; i > 1.0; i -= 1.0) { sum = 1.0 - sum * r / i; }
  return r * sum;
}

@compute @workgroup_size(GROUP)
fn means(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let end = select(0u, params.columns, row < params.rows);
  var sum = 0.0;
  for (var i = thread % LANES; i < end; i += LANES) { sum += total(abs(x[start + i] - wanted[start + i])); }
  sum = row_sum(sum, thread);
  if (thread % LANES == 0u && row < params.rows) { m[row] = sum / f32(params.C); }
}

@compute @workgroup_size(GROUP)
fn labelled(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.rows) { roles[i] = 1.0 - 2.0 * y[i / params.columns]; }
}

@compute @workgroup_size(GROUP)
fn k_largest(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.rows) { return; }
  let image = i / params.columns;
  let first = image * params.columns;
  let own = m[i];
  var before = 0u;
  for (var j = first; j < first + params.columns; j++) {
    before += u32(m[j] > own || (m[j] == own && j < i));
  }
  roles[i] = select(0.0, 1.0 - 2.0 * y[image], before < params.k);
}

@compute @workgroup_size(GROUP)
fn loss(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let end = select(0u, params.columns, row < params.rows);
  var pull = 0.0;
  var push = 0.0;
  var pushed = 0.0;
  for (var i = start + thread % LANES; i < start + end; i += LANES) {
    pull += max(roles[i], 0.0) * error(m[i]);
    push += max(-roles[i], 0.0) * error(m[i]);
    pushed = max(pushed, -roles[i]);
  }
  pull = row_sum(pull, thread) / f32(params.n);
  let r = row_sum(push, thread) / f32(params.n);
  let near = one_minus_exp(r);
  // Held at its least value, the logarithm has no slope.
  let steep = select(0.0, -params.alpha * exp(-r) / near, near > LEAST);
  if (row_max(pushed, thread) > 0.0) { pull -= params.alpha * log(max(near, LEAST)); }
  if (thread % LANES == 0u && row < params.rows) { losses[row] = pull; }
  for (var i = start + thread % LANES; i < start + end; i += LANES) {
    let outer = max(roles[i], 0.0) + max(-roles[i], 0.0) * steep;
    slopes[i] = outer * select(m[i] / sqrt(m[i] * m[i] + 1.0), 1.0, params.plain == 1u) / f32(params.n);
  }
}

@compute @workgroup_size(GROUP)
fn gradient(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.rows * params.columns) { return; }
  dx[i] = params.factor * dloss[0] * slopes[i / params.columns] * sign(x[i] - wanted[i]);
}

@compute @workgroup_size(GROUP)
fn slope(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.rows) { return; }
  let gradient = params.factor * dloss[0] * slopes[i];
  if (params.add == 1u) { dm[i] += gradient; } else { dm[i] = gradient; }
}
