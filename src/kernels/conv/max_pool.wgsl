// Maximum over K×K windows (torch.nn.functional.max_pool2d): x [B, H, W, C] → y [B, outH, outW, C], C a multiple of 4.
// What lies outside of x does not count. A thread takes four channels of one window.

struct Params { H: u32, W: u32, C4: u32, outH: u32, outW: u32, K: u32, stride: u32, top: u32, left: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn max_pool(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x / params.C4;
  let c = id.x % params.C4;
  if (column >= params.outW) { return; }
  var largest = vec4f(-3.4e38);
  for (var p = 0u; p < params.K; p++) {
    let i = id.y * params.stride + p - params.top; // wraps around where negative, and so does j below
    if (i >= params.H) { continue; }
    for (var q = 0u; q < params.K; q++) {
      let j = column * params.stride + q - params.left;
      if (j < params.W) { largest = max(largest, x[((id.z * params.H + i) * params.W + j) * params.C4 + c]); }
    }
  }
  y[((id.z * params.outH + id.y) * params.outW + column) * params.C4 + c] = largest;
}
