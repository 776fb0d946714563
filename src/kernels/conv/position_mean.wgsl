// The mean over a map's positions, and its gradient.
//   mean      y[b, block, c] = scale · Σ_r x[b, r, c] over the rows of one block: x [B, rows, C], y [B, blocks, C], which may be f16
//   gradient  y[b, r, c] = scale · x[b, c]  (+ y where ADD): x [B, C], y [B, rows, C]; a thread has every threads-th value of an
//             image, all of one channel

struct Params { rows: u32, C: u32, block: u32, blocks: u32, threads: u32, scale: f32 } // C and threads in Elements
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Stored>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn mean(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.C) { return; }
  let first = id.y * params.block;
  let end = min(first + params.block, params.rows);
  let image = id.z * params.rows;
  var total = Element(0.0);
  for (var r = first; r < end; r++) { total += x[(image + r) * params.C + id.x]; }
  y[(id.z * params.blocks + id.y) * params.C + id.x] = Stored(params.scale * total);
}

@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.threads) { return; }
  let d = params.scale * x[id.y * params.C + id.x % params.C];
  let end = (id.y + 1u) * params.rows * params.C;
  for (var i = end - params.rows * params.C + id.x; i < end; i += params.threads) {
    if (ADD) { y[i] = Stored(Element(y[i]) + d); } else { y[i] = Stored(d); }
  }
}
