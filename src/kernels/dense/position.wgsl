// Learned position embeddings of a feature map, from one table for rows and one for columns:
//   forward   pos[h · W + w] = cat(columns[w], rows[h]):  pos [H·W, 2·half], columns [W, half], rows [H, half]
//   backward  dcolumns[w] = Σ_h dpos[h, w, :half] and drows[h] = Σ_w dpos[h, w, half:], or added to what is there

struct Params { H: u32, W: u32, half: u32, addColumns: u32, addRows: u32 }
@group(0) @binding(0) var<storage, read> columns: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read_write> pos: array<f32>;
@group(0) @binding(3) var<storage, read> dpos: array<f32>;
@group(0) @binding(4) var<storage, read_write> dcolumns: array<f32>;
@group(0) @binding(5) var<storage, read_write> drows: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= 2u * params.half) { return; }
  let at = (id.z * params.W + id.y) * 2u * params.half + id.x;
  if (id.x < params.half) {
    pos[at] = columns[id.y * params.half + id.x];
  } else {
    pos[at] = rows[id.z * params.half + id.x - params.half];
  }
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x % params.half;
  let line = id.x / params.half;
  var sum = 0.0;
  if (line < params.W) {
    for (var h = 0u; h < params.H; h++) { sum += dpos[(h * params.W + line) * 2u * params.half + i]; }
    if (params.addColumns == 1u) { sum += dcolumns[id.x]; }
    dcolumns[id.x] = sum;
  } else if (line < params.W + params.H) {
    let h = line - params.W;
    for (var w = 0u; w < params.W; w++) { sum += dpos[((h * params.W + w) * 2u + 1u) * params.half + i]; }
    let at = h * params.half + i;
    if (params.addRows == 1u) { sum += drows[at]; }
    drows[at] = sum;
  }
}
