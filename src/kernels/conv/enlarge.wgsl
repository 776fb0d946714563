// Maps F times as large on both axes (torch.nn.Upsample(scale_factor=F)), as resize.wgsl has them too, but without its loops and
// divisions: pixel (i, j) of x becomes F×F pixels of y, which only it and its neighbours have a part in.
//   nearest            y = x of the pixel
//   nearest_gradient   dx = Σ dy of its pixels  (+ dx where ADD)
//   bilinear           y = x mixed of the pixel and its neighbours, at the border itself
//   bilinear_gradient  dx = Σ dy · weight over the pixels less than a pixel of x around its centre, mirrored at the border  (+ dx where ADD)
// x, dx [B, h, w, C]; y, dy [B, F·h, F·w, C]. A thread has an Element of x, along x of the grid those of a line. each.ts repeats
// the lines marked @each: pixels (p, q) of y that belong to one of x, (u, v) around it, (r, s) of x around it.

struct Params { h: u32, w: u32, C: u32 } // C in Elements
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<storage, read> dy: array<Element>;
@group(0) @binding(3) var<storage, read_write> dx: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

// Where the first of the F×F pixels of a pixel is, for its first channel.
fn corner(image: u32, i: u32, j: u32) -> u32 {
  return ((image * params.h + i) * F * params.w + j) * F * params.C;
}

fn put(id: vec3u, gradient: Element) {
  let at = (id.z * params.h + id.y) * params.w * params.C + id.x;
  if (ADD) { dx[at] += gradient; } else { dx[at] = gradient; }
}

@compute @workgroup_size(64)
fn nearest(@builtin(global_invocation_id) id: vec3u) {
  let line = params.w * params.C;
  if (id.x >= line) { return; }
  let j = id.x / params.C;
  let to = corner(id.z, id.y, j) + id.x - j * params.C;
  let v = x[(id.z * params.h + id.y) * line + id.x];
  // @each y[to + {p}u * F * line + {q}u * params.C] = v;
}

@compute @workgroup_size(64)
fn nearest_gradient(@builtin(global_invocation_id) id: vec3u) {
  let line = params.w * params.C;
  if (id.x >= line) { return; }
  let j = id.x / params.C;
  let first = corner(id.z, id.y, j) + id.x - j * params.C;
  var sum = Element(0.0);
  // @each sum += dy[first + {p}u * F * line + {q}u * params.C];
  put(id, sum);
}

fn near(image: u32, i: i32, j: i32, c: u32) -> Element {
  let row = u32(clamp(i, 0, i32(params.h) - 1));
  let column = u32(clamp(j, 0, i32(params.w) - 1));
  return x[((image * params.h + row) * params.w + column) * params.C + c];
}

// How far the centre of pixel p of F is from that of them all, of which it is less than half away.
fn away(p: i32) -> f32 { return abs(f32(2 * p + 1 - F)) / f32(2 * F); }

@compute @workgroup_size(64)
fn bilinear(@builtin(global_invocation_id) id: vec3u) {
  let line = params.w * params.C;
  if (id.x >= line) { return; }
  let j = id.x / params.C;
  let c = id.x - j * params.C;
  let to = corner(id.z, id.y, j) + c;
  // @each let x{r}_{s} = near(id.z, i32(id.y) + {r} - 1, i32(j) + {s} - 1, c);
  // @each let v{p}_{s} = mix(x1_{s}, x{(2 * p + 1) / F * 2}_{s}, away({p}));
  // @each y[to + {p}u * F * line + {q}u * params.C] = mix(v{p}_1, v{p}_{(2 * q + 1) / F * 2}, away({q}));
}

fn mirrored(i: i32, n: u32) -> u32 {
  let from_first = select(i, -1 - i, i < 0);
  return u32(min(from_first, 2 * i32(F * n) - 1 - from_first));
}

@compute @workgroup_size(64)
fn bilinear_gradient(@builtin(global_invocation_id) id: vec3u) {
  let line = params.w * params.C;
  if (id.x >= line) { return; }
  let j = id.x / params.C;
  let c = id.x - j * params.C;
  // @each let row{u} = (id.z * F * params.h + mirrored(i32(F * id.y) + {u} - F / 2, params.h)) * F * params.w;
  // @each let column{v} = mirrored(i32(F * j) + {v} - F / 2, params.w);
  var sum = Element(0.0);
  // @each sum += (1.0 - away({u} - F / 2)) * (1.0 - away({v} - F / 2)) * dy[(row{u} + column{v}) * params.C + c];
  put(id, sum);
}
