// A function of every value, F, and the gradient before it. Constants, as each is a kernel of its own:
//   0 exp   1 log   2 square   3 sqrt   4 abs   5 a · x + b   6 min(max(x, a), b)   7 sqrt(x² + 1) − 1
//
//   forward   y = f(x)
//   backward  dx = dy · f'(x), where y = f(x), or dx += that where `add`

struct Params { n: u32, across: u32, add: u32, a: f32, b: f32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<storage, read> result: array<Element>; // y again
@group(0) @binding(3) var<storage, read> dy: array<Element>;
@group(0) @binding(4) var<storage, read_write> dx: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

fn value(x: Element) -> Element {
  if (F == 0u) { return exp(x); }
  if (F == 1u) { return log(x); }
  if (F == 2u) { return x * x; }
  if (F == 3u) { return sqrt(x); }
  if (F == 4u) { return abs(x); }
  if (F == 5u) { return params.a * x + params.b; }
  if (F == 6u) { return min(max(x, Element(params.a)), Element(params.b)); }
  return x * x / (sqrt(x * x + 1.0) + 1.0); // not the difference, which leaves nothing of a small x
}

// At the ends of clamp's range it is 1, and that of |x| at 0 is 0, as in PyTorch.
fn gradient(dy: Element, x: Element, y: Element) -> Element {
  if (F == 0u) { return dy * y; }
  if (F == 1u) { return dy / x; }
  if (F == 2u) { return 2.0 * dy * x; }
  if (F == 3u) { return dy / (2.0 * y); }
  if (F == 4u) { return dy * sign(x); }
  if (F == 5u) { return params.a * dy; }
  if (F == 6u) { return select(Element(0.0), dy, (x >= Element(params.a)) & (x <= Element(params.b))); }
  return dy * x / sqrt(x * x + 1.0);
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.n) { y[i] = value(x[i]); }
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.n) { return; }
  let v = gradient(dy[i], x[i], result[i]);
  if (params.add == 1u) { dx[i] += v; } else { dx[i] = v; }
}
