// The residual connection of a post-norm transformer, LayerNorm (torch.nn.LayerNorm, eps 1e-5) and their gradients.
//   forward   z = x + dropout(branch);  y = (z − mean) · rstd · gamma + beta;  stats[row] = (mean, rstd)
//   backward  dx = rstd · (g − mean(g) − n · mean(g ∘ n)), n = (z − mean) · rstd, g = dy ∘ gamma;  dbranch = dropout(dx)
//   affine    per block of rows, Σ dy ∘ n and Σ dy, which make dgamma and dbeta: parts [blocks, 2, columns]
// x, branch, z, y and gradients [rows, columns]; gamma, beta [columns]. A branch is left out by rescale = 0.
// Mean first, then the variance of what is centred: E[z²] − mean² would cancel.

const EPS = 1e-5;

struct Params {
  rows: u32, columns: u32, width: f32, across: u32, block: u32, // width: columns, counted in floats
  add: u32, // dx adds to what is there
  seed: u32, threshold: u32, rescale: f32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> branch: array<Element>;
@group(0) @binding(2) var<storage, read> gamma: array<Element>;
@group(0) @binding(3) var<storage, read> beta: array<Element>;
@group(0) @binding(4) var<storage, read_write> z: array<Element>;
@group(0) @binding(5) var<storage, read_write> y: array<Element>;
@group(0) @binding(6) var<storage, read_write> stats: array<vec2f>;
@group(0) @binding(7) var<storage, read> dy: array<Element>;
@group(0) @binding(8) var<storage, read_write> dx: array<Element>;
@group(0) @binding(9) var<storage, read_write> dbranch: array<Element>;
@group(0) @binding(10) var<storage, read_write> parts: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

fn drop(v: Element, i: u32) -> Element {
  return drop_out(v, i, params.seed, params.threshold, params.rescale);
}

@compute @workgroup_size(GROUP)
fn forward(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let end = select(0u, params.columns, row < params.rows); // threads behind the last row add nothing
  var sum = 0.0;
  for (var i = thread % LANES; i < end; i += LANES) {
    let v = x[start + i] + drop(branch[start + i], start + i);
    z[start + i] = v;
    sum += total(v);
  }
  let mean = row_sum(sum, thread) / params.width;
  var square = 0.0;
  for (var i = thread % LANES; i < end; i += LANES) {
    let centred = z[start + i] - Element(mean);
    square += total(centred * centred);
  }
  let rstd = inverseSqrt(row_sum(square, thread) / params.width + EPS);
  for (var i = thread % LANES; i < end; i += LANES) {
    y[start + i] = (z[start + i] - Element(mean)) * rstd * gamma[i] + beta[i];
  }
  if (thread % LANES == 0u && row < params.rows) { stats[row] = vec2f(mean, rstd); }
}

@compute @workgroup_size(GROUP)
fn backward(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let end = select(0u, params.columns, row < params.rows);
  let stat = stats[min(row, params.rows - 1u)];
  var sum_g = 0.0;
  var sum_gn = 0.0;
  for (var i = thread % LANES; i < end; i += LANES) {
    let g = dy[start + i] * gamma[i];
    sum_g += total(g);
    sum_gn += total(g * (x[start + i] - Element(stat.x)));
  }
  let mean_g = row_sum(sum_g, thread) / params.width;
  let mean_gn = row_sum(sum_gn, thread) * stat.y / params.width;
  for (var i = thread % LANES; i < end; i += LANES) {
    let n = (x[start + i] - Element(stat.x)) * stat.y;
    let d = stat.y * (dy[start + i] * gamma[i] - Element(mean_g) - n * mean_gn);
    dbranch[start + i] = drop(d, start + i);
    if (params.add == 1u) { dx[start + i] += d; } else { dx[start + i] = d; }
  }
}

@compute @workgroup_size(GROUP)
fn affine(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.columns) { return; }
  let first = id.y * params.block;
  let end = min(first + params.block, params.rows);
  var dgamma = Element(0.0);
  var dbeta = Element(0.0);
  for (var r = first; r < end; r++) {
    let g = dy[r * params.columns + id.x];
    dgamma += g * (x[r * params.columns + id.x] - Element(stats[r].x)) * stats[r].y;
    dbeta += g;
  }
  parts[2u * id.y * params.columns + id.x] = dgamma;
  parts[(2u * id.y + 1u) * params.columns + id.x] = dbeta;
}
