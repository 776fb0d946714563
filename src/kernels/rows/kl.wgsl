// Kullback–Leibler divergence of diagonal Gaussians from the standard one (Kingma & Welling 2014, appendix B), row by row, and
// its gradients: mu and variance, in logarithms, [rows, columns].
//   divergence      d[row] = ½ Σ (mu² + exp(variance) − 1 − variance)
//   slope_mu        dx = dd[row] · mu, or added to what is there where `add`
//   slope_variance  dx = dd[row] · ½ (exp(variance) − 1), likewise

struct Params { rows: u32, columns: u32, across: u32, add: u32 } // columns in Elements
@group(0) @binding(0) var<storage, read> mu: array<Element>;
@group(0) @binding(1) var<storage, read> variance: array<Element>;
@group(0) @binding(2) var<storage, read_write> d: array<f32>;
@group(0) @binding(3) var<storage, read> dd: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(GROUP)
fn divergence(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let end = start + select(0u, params.columns, row < params.rows);
  var sum = 0.0;
  for (var i = start + thread % LANES; i < end; i += LANES) {
    sum += total(mu[i] * mu[i] + (exp(variance[i]) - Element(1.0) - variance[i]));
  }
  sum = row_sum(sum, thread);
  if (thread % LANES == 0u && row < params.rows) { d[row] = 0.5 * sum; }
}

fn put(i: u32, gradient: Element) {
  if (params.add == 1u) { dx[i] += gradient; } else { dx[i] = gradient; }
}

@compute @workgroup_size(GROUP)
fn slope_mu(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.rows * params.columns) { put(i, dd[i / params.columns] * mu[i]); }
}

@compute @workgroup_size(GROUP)
fn slope_variance(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.rows * params.columns) {
    put(i, 0.5 * dd[i / params.columns] * (exp(variance[i]) - Element(1.0)));
  }
}
