// Gaussian smoothing along one axis of maps: y[b, i, j] = Σ_t weights[t] · x[b, …] over the neighbours at −radius … radius,
// of rows (down = 1) or columns. Beyond the border the map goes on mirrored, the edge repeated: d c b a | a b c d | d c b a.
//   x, y [B, H, W], weights [2 · radius + 1]

struct Params { H: u32, W: u32, radius: u32, down: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn blur(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.W) { return; }
  let down = params.down == 1u;
  let n = select(params.W, params.H, down);
  let step = select(1u, params.W, down);
  let at = (id.z * params.H + id.y) * params.W + id.x;
  let i = select(id.x, id.y, down);
  let line = at - i * step;
  let turns = (params.radius / (2u * n) + 1u) * 2u * n; // so that nothing below is negative
  var sum = 0.0;
  for (var t = 0u; t <= 2u * params.radius; t++) {
    let around = (turns + i + t - params.radius) % (2u * n);
    sum += weights[t] * x[line + min(around, 2u * n - 1u - around) * step];
  }
  y[at] = sum;
}
