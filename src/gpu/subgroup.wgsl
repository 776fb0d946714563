// Self-test of subgroups that a workgroup of SIZE threads fills: y[i] = scale · (x[i] + the last x of i's subgroup).

struct Params { scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let i = group.x * SIZE + lane;
  y[i] = params.scale * (x[i] + subgroupBroadcast(x[i], SIZE - 1u));
}
