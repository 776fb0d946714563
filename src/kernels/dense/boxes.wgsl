// Copies a box of `outer` × `middle` runs of `inner` values, each of which lies where its side says: x's run (o, m) begins
// at fromOffset + o · fromOuter + m · fromMiddle, y's likewise. A step of 0 in x repeats it. Everything but outer and
// middle is counted in Elements.
//   copy   y = x, or y += x where `add`

struct Params {
  outer: u32, middle: u32, inner: u32, across: u32, add: u32,
  fromOffset: u32, fromOuter: u32, fromMiddle: u32,
  toOffset: u32, toOuter: u32, toMiddle: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn copy(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  let run = i / params.inner;
  let o = run / params.middle;
  if (o >= params.outer) { return; }
  let m = run % params.middle;
  let within = i % params.inner;
  let v = x[params.fromOffset + o * params.fromOuter + m * params.fromMiddle + within];
  let at = params.toOffset + o * params.toOuter + m * params.toMiddle + within;
  if (params.add == 1u) { y[at] += v; } else { y[at] = v; }
}
