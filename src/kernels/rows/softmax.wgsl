// Softmax over rows, its logarithm, and the cross-entropy of classes: x [rows, columns], all by way of
// sum[row] = log Σ_j exp(x[row, j]), with the largest x taken out first.
//   softmax, softmax_slope          y = exp(x − sum);  dx = y · (dy − Σ y dy)
//   log_softmax, log_softmax_slope  y = x − sum;       dx = dy − exp(y) · Σ dy
//   cross_entropy                   losses[row] = sums[row] − x[row, labels[row]], and sums[row]
//   cross_entropy_slope             dx = factor · dy[0] · (exp(x − sums[row]) − 1 at the label, 0 elsewhere)
// Slopes are written, or added to what is there where `add`. A label beyond the columns makes a loss that is `nan`.

struct Params { rows: u32, columns: u32, across: u32, add: u32, factor: f32, nan: f32 } // columns in Elements
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<storage, read> result: array<Element>;
@group(0) @binding(3) var<storage, read> dy: array<Element>;
@group(0) @binding(4) var<storage, read_write> dx: array<Element>;
@group(0) @binding(5) var<storage, read> labels: array<u32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
@group(0) @binding(7) var<storage, read_write> losses: array<f32>;
@group(0) @binding(8) var<storage, read> dloss: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const LOWEST = -3.4e38;

struct Row { number: u32, there: bool, start: u32, first: u32, end: u32 } // a thread reads from `first` on

fn row_of(thread: u32, group: vec3u) -> Row {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let there = row < params.rows;
  return Row(row, there, start, start + thread % LANES, start + select(0u, params.columns, there));
}

fn log_sum(row: Row, thread: u32) -> f32 {
  var peak = LOWEST;
  for (var i = row.first; i < row.end; i += LANES) { peak = max(peak, largest(x[i])); }
  peak = row_max(peak, thread);
  var sum = 0.0;
  for (var i = row.first; i < row.end; i += LANES) { sum += total(exp(x[i] - Element(peak))); }
  return peak + log(row_sum(sum, thread));
}

fn put(i: u32, gradient: Element) {
  if (params.add == 1u) { dx[i] += gradient; } else { dx[i] = gradient; }
}

@compute @workgroup_size(GROUP)
fn softmax(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = row_of(thread, group);
  let sum = log_sum(row, thread);
  for (var i = row.first; i < row.end; i += LANES) { y[i] = exp(x[i] - Element(sum)); }
}

@compute @workgroup_size(GROUP)
fn log_softmax(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = row_of(thread, group);
  let sum = log_sum(row, thread);
  for (var i = row.first; i < row.end; i += LANES) { y[i] = x[i] - Element(sum); }
}

@compute @workgroup_size(GROUP)
fn softmax_slope(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = row_of(thread, group);
  var sum = 0.0;
  for (var i = row.first; i < row.end; i += LANES) { sum += total(result[i] * dy[i]); }
  sum = row_sum(sum, thread);
  for (var i = row.first; i < row.end; i += LANES) { put(i, result[i] * (dy[i] - Element(sum))); }
}

@compute @workgroup_size(GROUP)
fn log_softmax_slope(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = row_of(thread, group);
  var sum = 0.0;
  for (var i = row.first; i < row.end; i += LANES) { sum += total(dy[i]); }
  sum = row_sum(sum, thread);
  for (var i = row.first; i < row.end; i += LANES) { put(i, dy[i] - exp(result[i]) * sum); }
}

@compute @workgroup_size(GROUP)
fn cross_entropy(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = row_of(thread, group);
  let sum = log_sum(row, thread);
  let label = labels[min(row.number, params.rows - 1u)];
  var own = 0.0;
  var found = 0.0;
  for (var i = row.first; i < row.end; i += LANES) {
    let here = positions(i - row.start) == Index(label);
    own += total(select(Element(0.0), x[i], here));
    found += total(select(Element(0.0), Element(1.0), here));
  }
  own = row_sum(own, thread);
  found = row_sum(found, thread);
  if (thread % LANES == 0u && row.there) {
    sums[row.number] = sum;
    losses[row.number] = select(params.nan, sum - own, found == 1.0);
  }
}

@compute @workgroup_size(GROUP)
fn cross_entropy_slope(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.rows * params.columns) { return; }
  let row = i / params.columns;
  let here = positions(i % params.columns) == Index(labels[row]);
  let p = exp(x[i] - Element(sums[row]));
  put(i, params.factor * dloss[0] * (p - select(Element(0.0), Element(1.0), here)));
}
