// Rows x [rows, columns] and a number a row, s [rows]:
//   sums    s[row] = Σ x[row, :]
//   spread  y[row, :] = scale · s[row], or added where `add`
//   scaled  y[row, :] = x[row, :] · s[row], or added where `add`

struct Params { rows: u32, columns: u32, across: u32, add: u32, scale: f32 } // columns in Elements
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> to: array<f32>; // s of sums
@group(0) @binding(2) var<storage, read> s: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(GROUP)
fn sums(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let end = select(0u, params.columns, row < params.rows);
  var sum = Element(0.0);
  for (var i = thread % LANES; i < end; i += LANES) { sum += x[start + i]; }
  let whole = row_sum(total(sum), thread);
  if (thread % LANES == 0u && row < params.rows) { to[row] = whole; }
}

@compute @workgroup_size(GROUP)
fn spread(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.rows * params.columns) { return; }
  let v = Element(params.scale * s[i / params.columns]);
  if (params.add == 1u) { y[i] += v; } else { y[i] = v; }
}

@compute @workgroup_size(GROUP)
fn scaled(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.rows * params.columns) { return; }
  let v = x[i] * s[i / params.columns];
  if (params.add == 1u) { y[i] += v; } else { y[i] = v; }
}
