// Softmax over rows (torch.softmax(x, −1)), and the dropout that follows it in nn.MultiheadAttention.
//   forward   x becomes softmax(x), in place
//   dropped   x = dropout(y)
//   backward  x becomes y ∘ (g − Σ_j y_j g_j), in place, where g is x through the same dropout
// x and y [rows, columns]. `first` is the position of row 0 in the whole tensor, in Elements, for the dropout.

struct Params { rows: u32, columns: u32, first: u32, across: u32, seed: u32, threshold: u32, rescale: f32 }
@group(0) @binding(0) var<storage, read_write> x: array<Element>;
@group(0) @binding(1) var<storage, read> y: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

fn drop(v: Element, i: u32) -> Element {
  return drop_out(v, params.first + i, params.seed, params.threshold, params.rescale);
}

@compute @workgroup_size(GROUP)
fn forward(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  // Every thread takes part in the sums; those behind the last row have nothing to add.
  let start = row * params.columns;
  let end = select(0u, params.columns, row < params.rows);
  var peak = -3.4e38;
  for (var i = thread % LANES; i < end; i += LANES) { peak = max(peak, largest(x[start + i])); }
  peak = row_max(peak, thread);
  var sum = 0.0;
  for (var i = thread % LANES; i < end; i += LANES) {
    let e = exp(x[start + i] - Element(peak));
    x[start + i] = e;
    sum += total(e);
  }
  let scale = 1.0 / row_sum(sum, thread);
  for (var i = thread % LANES; i < end; i += LANES) { x[start + i] *= scale; }
}

@compute @workgroup_size(GROUP)
fn dropped(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  if (row >= params.rows) { return; }
  let start = row * params.columns;
  for (var i = thread % LANES; i < params.columns; i += LANES) { x[start + i] = drop(y[start + i], start + i); }
}

@compute @workgroup_size(GROUP)
fn backward(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let end = select(0u, params.columns, row < params.rows);
  var sum = 0.0;
  for (var i = thread % LANES; i < end; i += LANES) { sum += total(y[start + i] * drop(x[start + i], start + i)); }
  sum = row_sum(sum, thread);
  for (var i = thread % LANES; i < end; i += LANES) {
    x[start + i] = y[start + i] * (drop(x[start + i], start + i) - Element(sum));
  }
}
