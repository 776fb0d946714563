// From score maps to image scores.
//   maximum, total  x [B, n] → y [B, parts], times scale; part i takes the values i, i + parts, i + 2·parts, …

struct Params { n: u32, parts: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn maximum(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.parts) { return; }
  var value = x[id.y * params.n + id.x];
  for (var i = id.x; i < params.n; i += params.parts) { value = max(value, x[id.y * params.n + i]); }
  y[id.y * params.parts + id.x] = params.scale * value;
}

@compute @workgroup_size(64)
fn total(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.parts) { return; }
  var value = 0.0;
  for (var i = id.x; i < params.n; i += params.parts) { value += x[id.y * params.n + i]; }
  y[id.y * params.parts + id.x] = params.scale * value;
}
