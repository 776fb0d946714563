// From score maps to image scores.
//   average  means over `size` neighbours along one axis, no padding: x [B, inH, inW] → y [B, outH, outW];
//            `step` is the distance of neighbours in x
//   maximum, total  x [B, n] → y [B, parts], times scale; part i takes the values i, i + parts, i + 2·parts, …

struct Params { inH: u32, inW: u32, outH: u32, outW: u32, size: u32, step: u32, n: u32, parts: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn average(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.outW) { return; }
  let first = (id.z * params.inH + id.y) * params.inW + id.x;
  var sum = 0.0;
  for (var t = 0u; t < params.size; t++) { sum += x[first + t * params.step]; }
  y[(id.z * params.outH + id.y) * params.outW + id.x] = sum / f32(params.size);
}

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
