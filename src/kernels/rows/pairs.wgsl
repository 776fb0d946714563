// Losses that are a mean over pairs of values, x and y, and their gradients. KIND says which:
//   L1      |x − y|
//   SMOOTH  |x − y| − ½, or ½ (x − y)² where that is less than 1 apart (Huber's, δ = 1)
//   BINARY  −y log σ(x) − (1 − y) log (1 − σ(x)), σ the sigmoid: x a logit, y its target
// Entry points:
//   sum      parts[t] = Σ loss(x, y) over the values t, t + T, t + 2T, … for each of T threads
//   slope_x  d = factor · dloss[0] · ∂loss/∂x, or added to what is there where `add`
//   slope_y  likewise with ∂loss/∂y

struct Params { n: u32, threads: u32, across: u32, add: u32, factor: f32 } // n in Elements
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> y: array<Element>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;
@group(0) @binding(3) var<storage, read> dloss: array<f32>;
@group(0) @binding(4) var<storage, read_write> d: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

const L1 = 0;
const SMOOTH = 1;
const BINARY = 2;

// log(1 + v) for v in 0..1, also where little of a small v is left in 1 + v: 2 artanh(v / (2 + v)) by its series.
fn log_one_more(v: Element) -> Element {
  let s = v / (v + 2.0);
  let q = s * s; // up to 1/9
  let series = 1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q / 13.0)))));
  return 2.0 * s * series;
}

fn loss(x: Element, y: Element) -> Element {
  let apart = abs(x - y);
  if (KIND == L1) { return apart; }
  if (KIND == SMOOTH) {
    let near = min(apart, Element(1.0));
    return near * (apart - 0.5 * near);
  }
  return max(x, Element(0.0)) - x * y + log_one_more(exp(-abs(x)));
}

fn slope(x: Element, y: Element) -> Element {
  if (KIND == L1) { return sign(x - y); }
  if (KIND == SMOOTH) { return clamp(x - y, Element(-1.0), Element(1.0)); }
  let small = exp(-abs(x)); // never infinite
  return select(small, Element(1.0), x >= Element(0.0)) / (1.0 + small) - y;
}

@compute @workgroup_size(GROUP)
fn sum(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.threads) { return; }
  var sum = Element(0.0);
  for (var i = id.x; i < params.n; i += params.threads) { sum += loss(x[i], y[i]); }
  parts[id.x] = total(sum);
}

fn put(i: u32, slope: Element) {
  let gradient = params.factor * dloss[0] * slope;
  if (params.add == 1u) { d[i] += gradient; } else { d[i] = gradient; }
}

@compute @workgroup_size(GROUP)
fn slope_x(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.n) { put(i, slope(x[i], y[i])); }
}

@compute @workgroup_size(GROUP)
fn slope_y(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.n) { return; }
  if (KIND == BINARY) { put(i, -x[i]); } else { put(i, -slope(x[i], y[i])); }
}
