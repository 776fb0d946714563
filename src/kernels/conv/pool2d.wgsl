// Pooling of maps over K×K windows (torch.nn.MaxPool2d, AvgPool2d), and its gradients.
//   max_pool            y = the maximum; what lies outside of x does not count
//   max_pool_taps       that, and in `taps` which of the window's values it is: K·p + q, the first of equals
//   max_pool_gradient   dx = Σ dy over the windows whose maximum this is  (+ dx where ADD)
//   mean_pool           y = the sum / K²; what lies outside counts as 0
//   mean_pool_gradient  dx = Σ dy / K² over the windows with this in them  (+ dx where ADD)
// x and y may be f16. x, dx [B, H, W, C]; y, dy, taps [B, outH, outW, C]. Window (i, j) begins at (i·STRIDE − top, j·STRIDE − left), and has something
// of x in it. A thread has one Element of y, or of dx ROWS×STRIDE neighbours, which the same REACH windows of a line lie over; all
// of them only gather. Along x of the grid are those of a line. each.ts repeats the lines marked @each, for every column q of a
// window, or row p and column q of these neighbours, and window n of a line.

struct Params {
  H: u32, W: u32, C: u32, outH: u32, outW: u32, // C in Elements
  top: u32, left: u32, tiles: u32, scale: f32, // tiles: of neighbours along a line
}
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Stored>;
@group(0) @binding(2) var<storage, read_write> taps: array<Index>;
@group(0) @binding(3) var<storage, read> dy: array<Element>;
@group(0) @binding(4) var<storage, read> chosen: array<Index>;
@group(0) @binding(5) var<storage, read_write> dx: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

// What lies at a row and a column, which wrap around where negative, of a map; `outside` it something else.
fn load(image: u32, row: u32, column: u32, c: u32, outside: f32) -> Element {
  let pixel = (image * params.H + min(row, params.H - 1u)) * params.W + min(column, params.W - 1u);
  return select(Element(outside), Element(x[pixel * params.C + c]), row < params.H && column < params.W);
}

struct Largest { value: Element, tap: Index }

fn largest_of(id: vec3u) -> Largest {
  let column = id.x / params.C;
  let c = id.x - column * params.C;
  let top = id.y * STRIDE - params.top;
  let left = column * STRIDE - params.left;
  var best = Largest(Element(LEAST), Index(0u));
  for (var p = 0u; p < K; p++) {
    // @each let v{q} = load(id.z, top + p, left + {q}u, c, LEAST);
    // @each best.tap = select(best.tap, Index(K * p + {q}u), v{q} > best.value); best.value = max(best.value, v{q});
  }
  return best;
}

const LEAST = -3.4e38;

@compute @workgroup_size(64)
fn max_pool(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.outW * params.C) { return; }
  y[(id.z * params.outH + id.y) * params.outW * params.C + id.x] = Stored(largest_of(id).value);
}

@compute @workgroup_size(64)
fn max_pool_taps(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.outW * params.C) { return; }
  let best = largest_of(id);
  let at = (id.z * params.outH + id.y) * params.outW * params.C + id.x;
  y[at] = Stored(best.value);
  taps[at] = best.tap;
}

@compute @workgroup_size(64)
fn mean_pool(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.outW * params.C) { return; }
  let column = id.x / params.C;
  let c = id.x - column * params.C;
  let top = id.y * STRIDE - params.top;
  let left = column * STRIDE - params.left;
  var sum = Element(0.0);
  for (var p = 0u; p < K; p++) {
    // @each sum += load(id.z, top + p, left + {q}u, c, 0.0);
  }
  y[(id.z * params.outH + id.y) * params.outW * params.C + id.x] = Stored(params.scale * sum);
}

// Where dy of a window is, those outside of the map in the place of some other.
fn window(image: u32, i: u32, j: u32, c: u32) -> u32 {
  return ((image * params.outH + min(i, params.outH - 1u)) * params.outW + min(j, params.outW - 1u)) * params.C + c;
}

fn is_window(i: u32, j: u32) -> bool { return i < params.outH && j < params.outW; }

// Adds to a row and a column that come before the map's, by `top` and `left`, if they are in it.
fn put(image: u32, row: u32, column: u32, c: u32, gradient: Element) {
  let i = row - params.top;
  let j = column - params.left;
  if (i >= params.H || j >= params.W) { return; }
  let at = ((image * params.H + i) * params.W + j) * params.C + c;
  if (ADD) { dx[at] += gradient; } else { dx[at] = gradient; }
}

@compute @workgroup_size(64)
fn max_pool_gradient(@builtin(global_invocation_id) id: vec3u) {
  let j = id.x / params.C;
  let c = id.x - j * params.C;
  if (j >= params.tiles) { return; }
  let row = id.y * ROWS;
  let i = row / STRIDE;
  let first = row % STRIDE;
  // @each var sum{p}_{t} = Element(0.0);
  for (var m = 0u; m < REACH; m++) { // tap (first + p + m · STRIDE, t + n · STRIDE) of window (i − m, j − n)
    // @each n:
    // @each let at{n} = window(id.z, i - m, j - {n}u, c);
    // @each let d{n} = select(Element(0.0), dy[at{n}], is_window(i - m, j - {n}u));
    // @each let tap{n} = chosen[at{n}] - Index(K * (first + m * STRIDE));
    // @each sum{p}_{t} += select(Element(0.0), d{n}, tap{n} == Index(K * {p}u + {t + n * STRIDE < K}u));
    // @end
  }
  // @each put(id.z, row + {p}u, j * STRIDE + {t}u, c, sum{p}_{t});
}

@compute @workgroup_size(64)
fn mean_pool_gradient(@builtin(global_invocation_id) id: vec3u) {
  let j = id.x / params.C;
  let c = id.x - j * params.C;
  if (j >= params.tiles) { return; }
  let row = id.y * ROWS;
  let i = row / STRIDE;
  let first = row % STRIDE;
  // @each var sum{p}_{t} = Element(0.0);
  for (var m = 0u; m < REACH; m++) {
    // @each n:
    // @each let d{n} = select(Element(0.0), dy[window(id.z, i - m, j - {n}u, c)], is_window(i - m, j - {n}u));
    // @each sum{p}_{t} += select(Element(0.0), d{n}, first + {p}u + m * STRIDE < K && {t + n * STRIDE < K}u < K);
    // @end
  }
  // @each put(id.z, row + {p}u, j * STRIDE + {t}u, c, params.scale * sum{p}_{t});
}
