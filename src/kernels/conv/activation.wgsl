// Activations where no kernel has them at its end, value by value; act.wgsl comes before.
//   forward   y = act(x)
//   backward  y = dy · act'(z), where x = act(z) and dy are given, z only for SiLU; or added to y where `add`

struct Params { n: u32, across: u32, add: u32 }
@group(0) @binding(0) var<storage, read> x: array<Values>;
@group(0) @binding(1) var<storage, read> z: array<Values>;
@group(0) @binding(2) var<storage, read> dy: array<Values>;
@group(0) @binding(3) var<storage, read_write> y: array<Values>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.n) { y[i] = activate(x[i]); }
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.n) { return; }
  let dz = activate_gradient(dy[i], x[i], z[i]);
  if (params.add == 1u) { y[i] += dz; } else { y[i] = dz; }
}
