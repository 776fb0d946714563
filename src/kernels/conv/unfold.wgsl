// The patches under a K×K convolution (im2col), and the gradient of that (col2im):
//   unfold  columns[r − first, K²·c + t] = x at tap t of window r, channel c, 0 outside of the map  (torch.nn.functional.unfold)
//   fold    dx[r, c] = Σ dcolumns[s − first, K²·c + t] over the windows s whose tap t is r  (+ dx[r, c] where `add`)
// x and dx [B, H, W, C]; columns and dcolumns [rows, K²·C] belong to the windows from `first` on, of B · outH · outW. Tap
// t = K·p + q of window (i, j) lies at (i·stride + p·dilation − padding, j·stride + q·dilation − padding). A thread has
// one channel of one window, or of one position of dx; both only gather.

struct Params {
  H: u32, W: u32, outH: u32, outW: u32, C: u32, stride: u32, padding: u32, dilation: u32,
  first: u32, rows: u32, n: u32, across: u32, add: u32,
}
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
  let image = r / params.outW / params.outH * params.H;
  let top = r / params.outW % params.outH * params.stride - params.padding; // wraps around where negative, as left does
  let left = r % params.outW * params.stride - params.padding;
  for (var p = 0u; p < K; p++) {
    for (var q = 0u; q < K; q++) {
      let i = top + p * params.dilation;
      let j = left + q * params.dilation;
      var v = 0.0;
      if (i < params.H && j < params.W) { v = x[((image + i) * params.W + j) * params.C + c]; }
      columns[K * K * n + K * p + q] = v;
    }
  }
}

@compute @workgroup_size(64)
fn fold(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  if (n >= params.n) { return; }
  let r = n / params.C;
  let c = n % params.C;
  let image = r / params.W / params.H * params.outH;
  let bottom = r / params.W % params.H + params.padding;
  let right = r % params.W + params.padding;
  var sum = 0.0;
  for (var p = 0u; p < K; p++) {
    for (var q = 0u; q < K; q++) {
      let i = bottom - p * params.dilation; // `stride` times the window's line; wraps around where negative
      let j = right - q * params.dilation;
      let s = (image + i / params.stride) * params.outW + j / params.stride - params.first;
      let meets = i % params.stride == 0u && j % params.stride == 0u &&
        i / params.stride < params.outH && j / params.stride < params.outW && s < params.rows;
      if (meets) { sum += dcolumns[K * K * (s * params.C + c) + K * p + q]; }
    }
  }
  if (params.add == 1u) { sum += dx[n]; }
  dx[n] = sum;
}
