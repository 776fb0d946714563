// Pooling of maps over K×K windows (torch.nn.MaxPool2d, AvgPool2d), and its gradients.
//   max_pool            y = the maximum; what lies outside of x does not count
//   max_pool_taps       that, and in `taps` which of the window's values it is: K·p + q, the first of equals
//   max_pool_gradient   dx = Σ dy over the windows whose maximum this is  (+ dx where `add`)
//   mean_pool           y = the sum / K²; what lies outside counts as 0
//   mean_pool_gradient  dx = Σ dy / K² over the windows with this in them  (+ dx where `add`)
// x, dx [B, H, W, C]; y, dy, taps [B, outH, outW, C]. Window (i, j) begins at (i·stride − top, j·stride − left), and has something
// of x in it. A thread has one Element of the result, along x of the grid those of a line; all of them only gather.

struct Params {
  H: u32, W: u32, C: u32, outH: u32, outW: u32, // C in Elements
  K: u32, stride: u32, top: u32, left: u32, scale: f32, add: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<storage, read_write> taps: array<Index>;
@group(0) @binding(3) var<storage, read> dy: array<Element>;
@group(0) @binding(4) var<storage, read> chosen: array<Index>;
@group(0) @binding(5) var<storage, read_write> dx: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

struct Range { first: u32, end: u32 }

// The taps of a line's or column's window that lie within a map of that length, which `before` zeros precede.
fn within(window: u32, before: u32, length: u32) -> Range {
  let start = window * params.stride;
  return Range(max(before, start) - start, min(params.K, length + before - start));
}

// The windows that a line or column lies in.
fn windows(at: u32, before: u32, count: u32) -> Range {
  let end = at + before + 1u; // in the padded map, one more
  let first = (max(end, params.K) - params.K + params.stride - 1u) / params.stride;
  return Range(first, min((end - 1u) / params.stride + 1u, count));
}

struct Largest { value: Element, tap: Index }

fn largest_of(id: vec3u) -> Largest {
  let column = id.x / params.C;
  let down = within(id.y, params.top, params.H);
  let across = within(column, params.left, params.W);
  let row = id.z * params.H + id.y * params.stride - params.top; // wraps around, as `start` does, until a tap is added
  let start = column * params.stride - params.left;
  var best = Largest(Element(-3.4e38), Index(params.K * down.first + across.first));
  for (var p = down.first; p < down.end; p++) {
    for (var q = across.first; q < across.end; q++) {
      let v = x[((row + p) * params.W + start + q) * params.C + id.x % params.C];
      best.tap = select(best.tap, Index(params.K * p + q), v > best.value);
      best.value = max(best.value, v);
    }
  }
  return best;
}

@compute @workgroup_size(64)
fn max_pool(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.outW * params.C) { return; }
  y[(id.z * params.outH + id.y) * params.outW * params.C + id.x] = largest_of(id).value;
}

@compute @workgroup_size(64)
fn max_pool_taps(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.outW * params.C) { return; }
  let best = largest_of(id);
  let at = (id.z * params.outH + id.y) * params.outW * params.C + id.x;
  y[at] = best.value;
  taps[at] = best.tap;
}

@compute @workgroup_size(64)
fn mean_pool(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.outW * params.C) { return; }
  let column = id.x / params.C;
  let down = within(id.y, params.top, params.H);
  let across = within(column, params.left, params.W);
  let row = id.z * params.H + id.y * params.stride - params.top;
  let start = column * params.stride - params.left;
  var sum = Element(0.0);
  for (var p = down.first; p < down.end; p++) {
    for (var q = across.first; q < across.end; q++) {
      sum += x[((row + p) * params.W + start + q) * params.C + id.x % params.C];
    }
  }
  y[(id.z * params.outH + id.y) * params.outW * params.C + id.x] = params.scale * sum;
}

fn put(id: vec3u, gradient: Element) {
  let at = (id.z * params.H + id.y) * params.W * params.C + id.x;
  if (params.add == 1u) { dx[at] += gradient; } else { dx[at] = gradient; }
}

@compute @workgroup_size(64)
fn max_pool_gradient(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.W * params.C) { return; }
  let column = id.x / params.C;
  let down = windows(id.y, params.top, params.outH);
  let across = windows(column, params.left, params.outW);
  var sum = Element(0.0);
  for (var i = down.first; i < down.end; i++) {
    for (var j = across.first; j < across.end; j++) {
      let at = ((id.z * params.outH + i) * params.outW + j) * params.C + id.x % params.C;
      let p = id.y + params.top - i * params.stride;
      let q = column + params.left - j * params.stride;
      sum += select(Element(0.0), dy[at], chosen[at] == Index(params.K * p + q));
    }
  }
  put(id, sum);
}

@compute @workgroup_size(64)
fn mean_pool_gradient(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.W * params.C) { return; }
  let down = windows(id.y, params.top, params.outH);
  let across = windows(id.x / params.C, params.left, params.outW);
  var sum = Element(0.0);
  for (var i = down.first; i < down.end; i++) {
    for (var j = across.first; j < across.end; j++) {
      sum += dy[((id.z * params.outH + i) * params.outW + j) * params.C + id.x % params.C];
    }
  }
  put(id, params.scale * sum);
}
