// Softmax over rows (torch.softmax(x, −1)), in place, and the dropout that follows it in nn.MultiheadAttention: a weight
// that is dropped gets a minus sign. The sign carries the mask to the products with what is kept (gemm's `rectify`) and to
// the backward pass, which is an epilogue of the GEMM (`softmax`).
// x [rows, columns]. `first` is the position of row 0 in the whole tensor, in Elements, for the dropout.

struct Params { rows: u32, columns: u32, first: u32, across: u32, seed: u32, threshold: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

fn marked(p: Element, i: u32) -> Element {
  if (params.threshold == 0u) { return p; }
  return select(-p, p, is_kept(params.first + i, params.seed, params.threshold));
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
  for (var i = thread % LANES; i < end; i += LANES) { sum += total(exp(x[start + i] - Element(peak))); }
  let scale = 1.0 / row_sum(sum, thread);
  for (var i = thread % LANES; i < end; i += LANES) {
    x[start + i] = marked(scale * exp(x[start + i] - Element(peak)), start + i);
  }
}
