// Sums over rows: y[j] = scale · Σ_r x[r · pitch + first + j]  (+ y[j] where accumulate), j below `columns`.
// x may be f16. Everything but rows and blocks is counted in Elements. Rows come in blocks; with more than one block, block i writes its
// sum to y + i · columns and a second run adds those.

struct Params {
  rows: u32, columns: u32, pitch: u32, first: u32, block: u32, offset: u32, scale: f32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn columns(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x;
  if (column >= params.columns) { return; }
  let first = id.y * params.block;
  let end = min(first + params.block, params.rows);
  var sum = Element(0.0);
  for (var r = first; r < end; r++) { sum += Element(x[r * params.pitch + params.first + column]); }
  let at = params.offset + id.y * params.columns + column;
  sum *= params.scale;
  if (params.accumulate == 1u) { sum += y[at]; }
  y[at] = sum;
}
