// What squeeze-excite (Hu et al. 2018) needs beside its two small matrix products, four channels a thread:
//   mean  y[b, block, c] = scale · Σ_r x[b, r, c] over the rows of one block; x [B, rows, C], y [B, blocks, C]
//   gate  x[b, h, w, c] *= y[b, c], in place; x [B, H, W, C], y [B, C]

struct Params { rows: u32, W: u32, C4: u32, block: u32, blocks: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn mean(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.C4) { return; }
  let first = id.y * params.block;
  let end = min(first + params.block, params.rows);
  let image = id.z * params.rows;
  var total = vec4f(0.0);
  for (var r = first; r < end; r++) { total += source[(image + r) * params.C4 + id.x]; }
  y[(id.z * params.blocks + id.y) * params.C4 + id.x] = params.scale * total;
}

@compute @workgroup_size(64)
fn gate(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.W * params.C4) { return; }
  y[(id.z * params.rows + id.y) * params.W * params.C4 + id.x] *= source[id.z * params.C4 + id.x % params.C4];
}
