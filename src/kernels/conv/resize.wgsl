// Bilinear interpolation with aligned corners (torch.nn.functional.interpolate, align_corners=True) into a slice of
// the channels of a wider map: x [B, inH, inW, C] → y [images, H, W, wide] from `image` and `channel` on.
// Per axis source = i · (in − 1) / (out − 1), in whole numbers, so that the corners are met exactly.

struct Params { inH: u32, inW: u32, C: u32, H: u32, W: u32, wide: u32, channel: u32, image: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

struct Source { low: u32, high: u32, fraction: f32 }

fn source(i: u32, n: u32, out: u32) -> Source {
  let steps = max(out, 2u) - 1u;
  let low = i * (n - 1u) / steps;
  return Source(low, min(low + 1u, n - 1u), f32(i * (n - 1u) % steps) / f32(steps));
}

@compute @workgroup_size(64)
fn resize(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.W * params.C) { return; }
  let c = id.x % params.C;
  let column = id.x / params.C;
  let h = source(id.y, params.inH, params.H);
  let w = source(column, params.inW, params.W);
  let low = (id.z * params.inH + h.low) * params.inW;
  let high = (id.z * params.inH + h.high) * params.inW;
  let above = mix(x[(low + w.low) * params.C + c], x[(low + w.high) * params.C + c], w.fraction);
  let below = mix(x[(high + w.low) * params.C + c], x[(high + w.high) * params.C + c], w.fraction);
  let pixel = ((params.image + id.z) * params.H + id.y) * params.W + column;
  y[pixel * params.wide + params.channel + c] = mix(above, below, h.fraction);
}
