// Linear maps along an axis whose outputs are made of neighbours: y[i] = Σ_t weights[i · taps + t] · x[first[i] + t].
//   across  along the last axis: x [rows, inputs] → y [rows, outputs]; a thread has an output of four rows, which share weights
//   down    along the last but one: x [B, inputs, columns] → y [B, outputs, columns], columns in Elements

struct Params { rows: u32, inputs: u32, outputs: u32, columns: u32, taps: u32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> first: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn across(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.outputs) { return; }
  let row = min(4u * id.y + vec4u(0u, 1u, 2u, 3u), vec4u(params.rows - 1u));
  let start = row * params.inputs + first[id.x];
  var a = Element(0.0);
  var b = Element(0.0);
  var c = Element(0.0);
  var d = Element(0.0);
  for (var t = 0u; t < params.taps; t++) {
    let weight = weights[id.x * params.taps + t];
    a += weight * x[start.x + t];
    b += weight * x[start.y + t];
    c += weight * x[start.z + t];
    d += weight * x[start.w + t];
  }
  // Beyond the last row all write what the last row is.
  let to = row * params.outputs + id.x;
  y[to.x] = a;
  y[to.y] = b;
  y[to.z] = c;
  y[to.w] = d;
}

@compute @workgroup_size(64)
fn down(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.columns) { return; }
  let start = (id.z * params.inputs + first[id.y]) * params.columns + id.x;
  var sum = Element(0.0);
  for (var t = 0u; t < params.taps; t++) { sum += weights[id.y * params.taps + t] * x[start + t * params.columns]; }
  y[(id.z * params.outputs + id.y) * params.columns + id.x] = sum;
}
