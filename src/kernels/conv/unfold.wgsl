// The patches under a 3×3 convolution with zero padding of 1 (im2col), and the gradient of that (col2im):
//   unfold  columns[r − first, 9·c + t] = x[r + tap t, c], 0 outside of the map            (torch.nn.functional.unfold)
//   fold    dx[r, c] = Σ_t dcolumns[r − tap t − first, 9·c + t]  (+ dx[r, c] where `add`)  (torch.nn.functional.fold)
// x and dx [B·H·W, C]; columns and dcolumns [rows, 9·C] belong to the positions from `first` on. Tap t = 3·p + q looks
// p − 1 lines down and q − 1 pixels to the right. A thread has one channel of one position; both only gather.

struct Params { H: u32, W: u32, C: u32, first: u32, rows: u32, n: u32, across: u32, add: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> columns: array<f32>;
@group(0) @binding(2) var<storage, read> dcolumns: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn unfold(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  if (n >= params.n) { return; }
  let r = params.first + n / params.C;
  let c = n % params.C;
  let i = r / params.W % params.H;
  let j = r % params.W;
  for (var p = 0u; p < 3u; p++) {
    for (var q = 0u; q < 3u; q++) {
      var v = 0.0;
      // Wraps around where negative.
      if (i + p - 1u < params.H && j + q - 1u < params.W) {
        v = x[(r + p * params.W + q - params.W - 1u) * params.C + c];
      }
      columns[9u * n + 3u * p + q] = v;
    }
  }
}

@compute @workgroup_size(64)
fn fold(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  if (n >= params.n) { return; }
  let r = n / params.C;
  let c = n % params.C;
  let i = r / params.W % params.H;
  let j = r % params.W;
  var sum = 0.0;
  for (var p = 0u; p < 3u; p++) {
    for (var q = 0u; q < 3u; q++) {
      let row = r + params.W + 1u - p * params.W - q - params.first;
      if (i + 1u - p < params.H && j + 1u - q < params.W && row < params.rows) {
        sum += dcolumns[9u * (row * params.C + c) + 3u * p + q];
      }
    }
  }
  if (params.add == 1u) { sum += dx[n]; }
  dx[n] = sum;
}
