// The built-in backbone's filters, over planes [P, h, w]. Borders are reflected without repeating the edge pixel.
//
//   halve      blur by [1 4 6 4 1]/16 along both axes, every second row and column: [P', h, w] → [P, ⌈h/2⌉, ⌈w/2⌉].
//              Plane p is made of plane (p / group) · pitch + p % group.
//   rows       first half of the Gabor bank: [P, h, w] → [P, h, w, 8], two vec4 a pixel
//   columns    second half and modulus: [P, h, w, 8] → [P, 6, h, w]
//   deviation  standard deviation in windows: [P, h, w] → [P, H, W]
//   bring      window means or bilinear interpolation to H×W: [P, h, w] → channels of the features [B, H·W, C]:
//              plane p goes to image p / group, channel p % group, from `first` (counted in floats) on
//
// The bank is separable. With u = x cos θ + y sin θ and the isotropic envelope e(x)e(y),
//   cos(ωu) = cos(ωx cos θ) cos(ωy sin θ) − sin(ωx cos θ) sin(ωy sin θ),   sin(ωu) = sin · cos + cos · sin.
// The components of a vec4 are θ = 0°, 30°, 60°, 90°: cos θ is (1, √¾, ½, 0) and sin θ the same backwards. 120° and
// 150° are the mirror images of 60° and 30°: the sign of x changes, nothing else. gabor.ts prepends
//   COS[t], SIN[t]    e(t) cos(ωt cos θ), e(t) sin(ωt cos θ), t = 0..4
//   DC, EVEN, ODD     the even filter's share of the envelope; one over the L1 norms of the even and the odd filter

struct Params { h: u32, w: u32, H: u32, W: u32, group: u32, pitch: u32, C: u32, first: u32, logarithm: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> halfway: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

// For |i| below n + 4, the filters' reach, or 2n, the windows'; with two pixels a place may have to be folded twice. Without % and
// conditions, which are what a software adapter does slowest: all filters took three times as long with them.
fn reflect_index(i: i32, n: u32) -> u32 {
  let last = i32(n) - 1;
  let once = min(abs(i), abs(2 * last - abs(i)));
  return u32(min(min(once, abs(2 * last - once)), last)); // of one pixel it is always that
}

@compute @workgroup_size(64)
fn halve(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.W) { return; }
  let weights = array<f32, 5>(1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0);
  let plane = (id.z / params.group) * params.pitch + id.z % params.group;
  var sum = 0.0;
  for (var p = 0; p < 5; p++) {
    let row = (plane * params.h + reflect_index(2 * i32(id.y) + p - 2, params.h)) * params.w;
    var line = 0.0;
    for (var q = 0; q < 5; q++) { line += weights[q] * x[row + reflect_index(2 * i32(id.x) + q - 2, params.w)]; }
    sum += weights[p] * line;
  }
  y[(id.z * params.H + id.y) * params.W + id.x] = sum;
}

// Sum and difference of the pixels t to the right and to the left.
fn across(row: u32, column: u32, t: i32) -> vec2f {
  let right = x[row + reflect_index(i32(column) + t, params.w)];
  let left = x[row + reflect_index(i32(column) - t, params.w)];
  return vec2f(right + left, right - left);
}

@compute @workgroup_size(64)
fn rows(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.w) { return; }
  let row = (id.z * params.h + id.y) * params.w;
  let a = across(row, id.x, 1);
  let b = across(row, id.x, 2);
  let c = across(row, id.x, 3);
  let d = across(row, id.x, 4);
  let at = 2u * (row + id.x);
  halfway[at] = COS[0] * x[row + id.x] + COS[1] * a.x + COS[2] * b.x + COS[3] * c.x + COS[4] * d.x;
  halfway[at + 1u] = SIN[1] * a.y + SIN[2] * b.y + SIN[3] * c.y + SIN[4] * d.y;
}

// First letter: what was done to x, second: to y.
struct Products { cc: vec4f, ss: vec4f, sc: vec4f, cs: vec4f, mean: f32 }

// Adds the pixels t below and above.
fn add(sum: Products, plane: u32, pixel: vec2u, t: i32, cosine: vec4f, sine: vec4f) -> Products {
  let below = 2u * ((plane + reflect_index(i32(pixel.y) + t, params.h)) * params.w + pixel.x);
  let above = 2u * ((plane + reflect_index(i32(pixel.y) - t, params.h)) * params.w + pixel.x);
  let c = halfway[below] + halfway[above];
  let s = halfway[below + 1u] + halfway[above + 1u];
  return Products(
    sum.cc + cosine * c,
    sum.ss + sine * (halfway[below + 1u] - halfway[above + 1u]),
    sum.sc + cosine * s,
    sum.cs + sine * (halfway[below] - halfway[above]),
    sum.mean + cosine.x * c.w,
  );
}

fn modulus(even: vec4f, odd: vec4f) -> vec4f { return sqrt(even * even + odd * odd + 1e-10); }

@compute @workgroup_size(64)
fn columns(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.w) { return; }
  let plane = id.z * params.h;
  let at = 2u * ((plane + id.y) * params.w + id.x);
  let c = halfway[at];
  let zero = vec4f(0.0);
  var sum = Products(COS[0] * c, zero, COS[0] * halfway[at + 1u], zero, COS[0].w * c.w);
  sum = add(sum, plane, id.xy, 1, COS[1].wzyx, SIN[1].wzyx);
  sum = add(sum, plane, id.xy, 2, COS[2].wzyx, SIN[2].wzyx);
  sum = add(sum, plane, id.xy, 3, COS[3].wzyx, SIN[3].wzyx);
  sum = add(sum, plane, id.xy, 4, COS[4].wzyx, SIN[4].wzyx);
  let direct = modulus(EVEN * (sum.cc - sum.ss - DC * sum.mean), ODD * (sum.cs + sum.sc));
  let mirrored = modulus(EVEN * (sum.cc + sum.ss - DC * sum.mean), ODD * (sum.cs - sum.sc));
  let area = params.h * params.w;
  let out = id.z * 6u * area + id.y * params.w + id.x;
  y[out] = direct.x;
  y[out + area] = direct.y;
  y[out + 2u * area] = direct.z;
  y[out + 3u * area] = direct.w;
  y[out + 4u * area] = mirrored.z;
  y[out + 5u * area] = mirrored.y;
}

// Pixels of one axis that make up an output, and their weights: that of the first pixel and of each other one.
struct Window { first: i32, count: i32, head: f32, tail: f32 }

// Output i of `out` fewer than n pixels: the window of twice the stride r = n/out, ⌊ir − r/2⌋ to ⌈ir + 3r/2⌉.
fn twice_the_stride(i: u32, n: u32, out: u32) -> Window {
  let first = i32(n * (2u * i + 2u * out - 1u) / (2u * out)) - i32(n); // + n − n keeps the quotient positive
  let end = i32((n * (2u * i + 3u) + 2u * out - 1u) / (2u * out));
  let weight = 1.0 / f32(end - first);
  return Window(first, end - first, weight, weight);
}

fn bilinear(i: u32, n: u32, out: u32) -> Window {
  let steps = max(out, 2u) - 1u;
  let fraction = f32(i * (n - 1u) % steps) / f32(steps);
  return Window(i32(i * (n - 1u) / steps), 2, 1.0 - fraction, fraction);
}

@compute @workgroup_size(64)
fn bring(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.H * params.W) { return; }
  let i = id.x / params.W;
  let j = id.x % params.W;
  var vertical = bilinear(i, params.h, params.H);
  var horizontal = bilinear(j, params.w, params.W);
  if (params.h > params.H) { vertical = twice_the_stride(i, params.h, params.H); }
  if (params.w > params.W) { horizontal = twice_the_stride(j, params.w, params.W); }
  var sum = 0.0;
  for (var p = 0; p < vertical.count; p++) {
    let row = (id.y * params.h + reflect_index(vertical.first + p, params.h)) * params.w;
    var line = 0.0;
    for (var q = 0; q < horizontal.count; q++) {
      let weight = select(horizontal.tail, horizontal.head, q == 0);
      line += weight * x[row + reflect_index(horizontal.first + q, params.w)];
    }
    sum += select(vertical.tail, vertical.head, p == 0) * line;
  }
  if (params.logarithm == 1u) { sum = log(sum + 0.002); }
  let position = (id.y / params.group) * params.H * params.W + id.x;
  y[params.first + position * params.C + id.y % params.group] = sum;
}

// Sum of (x − shift)^power over a window, power 1 or 2.
fn moment(plane: u32, vertical: Window, horizontal: Window, shift: f32, square: bool) -> f32 {
  var sum = 0.0;
  for (var p = 0; p < vertical.count; p++) {
    let row = (plane * params.h + reflect_index(vertical.first + p, params.h)) * params.w;
    var line = 0.0;
    for (var q = 0; q < horizontal.count; q++) {
      let value = x[row + reflect_index(horizontal.first + q, params.w)] - shift;
      line += select(value, value * value, square);
    }
    sum += line;
  }
  return sum * vertical.head * horizontal.head;
}

// Here an axis that is not made smaller (H = h, W = w) takes each pixel and its two neighbours.
@compute @workgroup_size(64)
fn deviation(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.H * params.W) { return; }
  let i = id.x / params.W;
  let j = id.x % params.W;
  var vertical = Window(i32(i) - 1, 3, 1.0 / 3.0, 1.0 / 3.0);
  var horizontal = Window(i32(j) - 1, 3, 1.0 / 3.0, 1.0 / 3.0);
  if (params.h > params.H) { vertical = twice_the_stride(i, params.h, params.H); }
  if (params.w > params.W) { horizontal = twice_the_stride(j, params.w, params.W); }
  let mean = moment(id.y, vertical, horizontal, 0.0, false);
  y[id.y * params.H * params.W + id.x] = sqrt(moment(id.y, vertical, horizontal, mean, true) + 1e-10);
}
