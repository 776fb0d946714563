// Which of `count` bins of equal width over 0..1 a value is in; those beyond are in the first and the last.
//   bins   labels [n] of x [n]

struct Params { n: u32, across: u32, count: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> labels: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn bins(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.n) { return; }
  labels[i] = u32(clamp(x[i] * f32(params.count), 0.0, f32(params.count - 1u)));
}
