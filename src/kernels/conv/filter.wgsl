// A K×K filter a channel (torch.nn.functional.conv2d with groups = C) for any C, and its gradients:
//   filter    y[b, i, j, c] = act(bias[c] + Σ_t x at tap t · w[c, t])
//   scatter   dx[b, i, j, c] = Σ dy of the windows whose tap t this is · w[c, t]  (+ dx where `add`)
//   correlate parts[block, c, t] = Σ dy · x at tap t over the windows of one block of B · outH · outW
// x, dx [B, H, W, C], y, dy [B, outH, outW, C], w [C, K²], bias [C]. Tap t = K·p + q of window (i, j) lies at
// (i·stride + p·dilation − padding, j·stride + q·dilation − padding). A thread has one value of the result.

struct Params {
  H: u32, W: u32, outH: u32, outW: u32, C: u32, stride: u32, padding: u32, dilation: u32,
  n: u32, across: u32, add: u32, windows: u32, block: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// x at tap (p, q) of window r, 0 outside of the map. What is negative wraps around.
fn tap(r: u32, c: u32, p: u32, q: u32) -> f32 {
  let i = r / params.outW % params.outH * params.stride + p * params.dilation - params.padding;
  let j = r % params.outW * params.stride + q * params.dilation - params.padding;
  let image = r / params.outW / params.outH * params.H;
  if (i >= params.H || j >= params.W) { return 0.0; }
  return x[((image + i) * params.W + j) * params.C + c];
}

@compute @workgroup_size(64)
fn filter_maps(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  if (n >= params.n) { return; }
  let c = n % params.C;
  var sum = 0.0;
  if (params.add == 1u) { sum = bias[c]; }
  for (var p = 0u; p < K; p++) {
    for (var q = 0u; q < K; q++) { sum += tap(n / params.C, c, p, q) * w[K * K * c + K * p + q]; }
  }
  y[n] = activate(sum);
}

// Here x is dy, and y is dx.
@compute @workgroup_size(64)
fn scatter(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  if (n >= params.n) { return; }
  let c = n % params.C;
  let r = n / params.C;
  let image = r / params.W / params.H * params.outH;
  let bottom = r / params.W % params.H + params.padding;
  let right = r % params.W + params.padding;
  var sum = 0.0;
  for (var p = 0u; p < K; p++) {
    for (var q = 0u; q < K; q++) {
      let i = bottom - p * params.dilation;
      let j = right - q * params.dilation;
      let meets = i % params.stride == 0u && j % params.stride == 0u &&
        i / params.stride < params.outH && j / params.stride < params.outW;
      if (meets) {
        let s = (image + i / params.stride) * params.outW + j / params.stride;
        sum += x[s * params.C + c] * w[K * K * c + K * p + q];
      }
    }
  }
  if (params.add == 1u) { sum += y[n]; }
  y[n] = sum;
}

// Here w is dy, and y is parts.
@compute @workgroup_size(64)
fn correlate(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * params.across + id.x;
  if (n >= params.n) { return; }
  let c = n % params.C;
  let t = n / params.C % (K * K);
  let block = n / params.C / (K * K);
  let end = min((block + 1u) * params.block, params.windows);
  var sum = 0.0;
  for (var r = block * params.block; r < end; r++) { sum += w[r * params.C + c] * tap(r, c, t / K, t % K); }
  y[(block * params.C + c) * K * K + t] = sum;
}
