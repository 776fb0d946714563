// Value by value. ADD and REPEATS (p is shorter than x) are constants: a copy without the branch takes a quarter less (llvmpipe, 2026-11).
//   sum          y = x + scale · p, p repeated: p [period], x and y [n]           (x + pos of a transformer, residuals)
//   product      y = x · p, p repeated, or y += x · p where ADD
//   accumulate   y = scale · x, or y += scale · x where ADD                       (gradients that meet)
//   fill         y = scale
//   rectified    y = scale · x where p > 0, else 0: x the gradient, p the output  (ReLU and the dropout behind it)

struct Params { n: u32, period: u32, across: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> p: array<Element>;
@group(0) @binding(2) var<storage, read_write> y: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

fn index(id: vec3u) -> u32 { return id.y * params.across + id.x; }

fn repeated(i: u32) -> u32 {
  if (REPEATS) { return i % params.period; }
  return i;
}

@compute @workgroup_size(64)
fn sum(@builtin(global_invocation_id) id: vec3u) {
  let i = index(id);
  if (i < params.n) { y[i] = x[i] + params.scale * p[repeated(i)]; }
}

@compute @workgroup_size(64)
fn accumulate(@builtin(global_invocation_id) id: vec3u) {
  let i = index(id);
  if (i >= params.n) { return; }
  let v = params.scale * x[i];
  if (ADD) { y[i] += v; } else { y[i] = v; }
}

@compute @workgroup_size(64)
fn product(@builtin(global_invocation_id) id: vec3u) {
  let i = index(id);
  if (i >= params.n) { return; }
  let v = x[i] * p[repeated(i)];
  if (ADD) { y[i] += v; } else { y[i] = v; }
}

@compute @workgroup_size(64)
fn fill(@builtin(global_invocation_id) id: vec3u) {
  let i = index(id);
  if (i < params.n) { y[i] = Element(params.scale); }
}

@compute @workgroup_size(64)
fn rectified(@builtin(global_invocation_id) id: vec3u) {
  let i = index(id);
  if (i < params.n) { y[i] = select(Element(0.0), params.scale * x[i], p[i] > Element(0.0)); }
}
