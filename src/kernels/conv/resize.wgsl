// Maps made larger or smaller (torch.nn.functional.interpolate), and the gradient of that.
//   resize  y = x at the places of y's pixels, mixed of the neighbours: x [B, inH, inW, C] → y [images, H, W, wide], a slice of
//           its channels, from `image` and `channel` on
//   gather  dx = Σ dy · the weight that x had in it  (+ dx where ADD): dy [B, H, W, C] → dx [B, inH, inW, C]
// What is resized may be f16. C, wide and channel are counted in Elements. On either axis pixel i of y lies at max(step · i + start, 0) / unit in x, in whole
// numbers, so that what should be met is met exactly, and beyond the last of x at that. Nearest takes what is left of it.

struct Params {
  inH: u32, inW: u32, C: u32, H: u32, W: u32, wide: u32, channel: u32, image: u32, nearest: u32,
  step_h: i32, start_h: i32, unit_h: i32, step_w: i32, start_w: i32, unit_w: i32,
}
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<storage, read> dy: array<Element>;
@group(0) @binding(3) var<storage, read_write> dx: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

struct Axis { step: i32, start: i32, unit: i32, length: i32, out: i32 }

fn down() -> Axis {
  return Axis(params.step_h, params.start_h, params.unit_h, i32(params.inH), i32(params.H));
}

fn across() -> Axis {
  return Axis(params.step_w, params.start_w, params.unit_w, i32(params.inW), i32(params.W));
}

struct Source { low: u32, high: u32, fraction: f32 }

fn source(i: u32, axis: Axis) -> Source {
  let place = max(axis.step * i32(i) + axis.start, 0);
  let low = place / axis.unit;
  if (params.nearest == 1u) { return Source(u32(low), u32(low), 0.0); }
  return Source(u32(low), u32(min(low + 1, axis.length - 1)), f32(place % axis.unit) / f32(axis.unit));
}

@compute @workgroup_size(64)
fn resize(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.W * params.C) { return; }
  let c = id.x % params.C;
  let column = id.x / params.C;
  let h = source(id.y, down());
  let w = source(column, across());
  let low = (id.z * params.inH + h.low) * params.inW;
  let high = (id.z * params.inH + h.high) * params.inW;
  let pixel = ((params.image + id.z) * params.H + id.y) * params.W + column;
  let to = pixel * params.wide + params.channel + c;
  if (params.nearest == 1u) {
    y[to] = Element(x[(low + w.low) * params.C + c]);
    return;
  }
  let above = mix(Element(x[(low + w.low) * params.C + c]), Element(x[(low + w.high) * params.C + c]), w.fraction);
  let below = mix(Element(x[(high + w.low) * params.C + c]), Element(x[(high + w.high) * params.C + c]), w.fraction);
  y[to] = mix(above, below, h.fraction);
}

struct Range { first: i32, end: i32 }

// The pixels of y that have something of pixel i of x, nearer than one pixel of x to either side, or right of it for `nearest`.
fn users(i: i32, axis: Axis) -> Range {
  var first = 0;
  var end = axis.out;
  if (i > 0 && params.nearest == 1u) { first = beyond(i * axis.unit - axis.start - 1, axis.step); }
  if (i > 0 && params.nearest == 0u) { first = beyond((i - 1) * axis.unit - axis.start, axis.step); }
  if (i < axis.length - 1) { end = beyond((i + 1) * axis.unit - axis.start - 1, axis.step); }
  return Range(first, min(end, axis.out));
}

// The first pixel of y whose place, in units and without `start`, exceeds n.
fn beyond(n: i32, step: i32) -> i32 { return select(n / step + 1, 0, n < 0); }

// How much of pixel i of x is in pixel o of y, one of its users.
fn weight(o: i32, i: i32, axis: Axis) -> f32 {
  if (params.nearest == 1u) { return 1.0; }
  let place = clamp(axis.step * o + axis.start, 0, (axis.length - 1) * axis.unit);
  return 1.0 - f32(abs(place - i * axis.unit)) / f32(axis.unit);
}

@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.inW * params.C) { return; }
  let c = id.x % params.C;
  let i = i32(id.y);
  let j = i32(id.x / params.C);
  let rows = users(i, down());
  let columns = users(j, across());
  var sum = Element(0.0);
  for (var row = rows.first; row < rows.end; row++) {
    let line = (id.z * params.H + u32(row)) * params.W;
    var part = Element(0.0);
    for (var column = columns.first; column < columns.end; column++) {
      part += weight(column, j, across()) * dy[(line + u32(column)) * params.C + c];
    }
    sum += weight(row, i, down()) * part;
  }
  let to = (id.z * params.inH + id.y) * params.inW * params.C + id.x;
  if (ADD) { sum += dx[to]; }
  dx[to] = sum;
}
