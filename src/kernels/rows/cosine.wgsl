// Cosine distance between rows, and its gradient: x, y [rows, columns].
//   distance  d[row] = 1 − (x · y) / (max(‖x‖, eps) · max(‖y‖, eps))
//   slope     dx = dd[row] · ∂d[row]/∂x, or added to what is there where `add`; y's is the same with both exchanged
// Where ‖x‖ is below eps it is constant: then ∂d/∂x = −y / (eps · max(‖y‖, eps)).

struct Params { rows: u32, columns: u32, across: u32, add: u32, eps: f32 } // columns in Elements
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> y: array<Element>;
@group(0) @binding(2) var<storage, read_write> d: array<f32>;
@group(0) @binding(3) var<storage, read> dd: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

struct Row { number: u32, there: bool, start: u32, end: u32 }

fn row_of(thread: u32, group: vec3u) -> Row {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let there = row < params.rows;
  return Row(row, there, start, start + select(0u, params.columns, there));
}

// x · y, ‖x‖² and ‖y‖² of a row.
fn products(row: Row, thread: u32) -> vec3f {
  var xy = 0.0;
  var xx = 0.0;
  var yy = 0.0;
  for (var i = row.start + thread % LANES; i < row.end; i += LANES) {
    xy += total(x[i] * y[i]);
    xx += total(x[i] * x[i]);
    yy += total(y[i] * y[i]);
  }
  return vec3f(row_sum(xy, thread), row_sum(xx, thread), row_sum(yy, thread));
}

@compute @workgroup_size(GROUP)
fn distance(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = row_of(thread, group);
  let p = products(row, thread);
  let norms = max(sqrt(p.yz), vec2f(params.eps));
  if (thread % LANES == 0u && row.there) { d[row.number] = 1.0 - p.x / norms.x / norms.y; }
}

@compute @workgroup_size(GROUP)
fn slope(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = row_of(thread, group);
  let p = products(row, thread);
  if (!row.there) { return; }
  let norms = max(sqrt(p.yz), vec2f(params.eps));
  let along = select(0.0, p.x / norms.x / norms.y / norms.x, sqrt(p.y) > params.eps);
  for (var i = row.start + thread % LANES; i < row.end; i += LANES) {
    let gradient = dd[row.number] * (along * x[i] - y[i] / norms.y) / norms.x;
    if (params.add == 1u) { dx[i] += gradient; } else { dx[i] = gradient; }
  }
}
