// Mean over each position's 3×3 neighbourhood, of the positions that are in the map: x, y [B, H, W, C]
// (torch.nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)).

struct Params { H: u32, W: u32, C: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn mean(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.W * params.C) { return; }
  let w = id.x / params.C;
  let top = max(id.y, 1u) - 1u;
  let left = max(w, 1u) - 1u;
  let bottom = min(id.y + 1u, params.H - 1u);
  let right = min(w + 1u, params.W - 1u);
  let image = id.z * params.H;
  var sum = 0.0;
  for (var i = top; i <= bottom; i++) {
    for (var j = left; j <= right; j++) { sum += x[((image + i) * params.W + j) * params.C + id.x % params.C]; }
  }
  y[(image + id.y) * params.W * params.C + id.x] = sum / f32((bottom - top + 1u) * (right - left + 1u));
}
