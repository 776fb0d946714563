// Features as the transformer takes them (docs/method.md §9): y[r, c] = (x[r, c] − mean[r mod N, c]) / deviation[c],
// and zeros in the columns that fill C up to `wide`.   x [rows, C], mean [N, C], deviation [C], y [rows, wide]
//   standardise  that
//   centre       of some channels only, without a deviation: y[r, c] = x[r, channels[c]] − mean[r mod N, c], c below `chosen`

struct Params { rows: u32, N: u32, C: u32, wide: u32, chosen: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> deviation: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read> channels: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn standardise(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  let row = id.z * 32768u + id.y;
  if (c >= params.wide || row >= params.rows) { return; }
  var v = 0.0;
  if (c < params.C) { v = (x[row * params.C + c] - mean[(row % params.N) * params.C + c]) / deviation[c]; }
  y[row * params.wide + c] = v;
}

@compute @workgroup_size(64)
fn centre(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  let row = id.z * 32768u + id.y;
  if (c >= params.wide || row >= params.rows) { return; }
  var v = 0.0;
  if (c < params.chosen) { v = x[row * params.C + channels[c]] - mean[(row % params.N) * params.chosen + c]; }
  y[row * params.wide + c] = v;
}
