// What the adapter can do at best.
//   fma      chains of multiplications and additions that wait for nothing but themselves, in registers
//   copy     y = x, four values at a time
//   nothing  one workgroup that writes one value
//
// A line marked @each is repeated by each.ts, for each link and chain.

struct Params { n: u32, across: u32, loops: u32, factor: f32, shift: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn fma_rate(@builtin(global_invocation_id) id: vec3u) {
  let factor = vec4f(params.factor);
  let shift = vec4f(params.shift);
  // @each var x{chain} = vec4f(f32(id.x + {chain}u));
  for (var i = 0u; i < params.loops; i++) {
    // @each /* {link} */ x{chain} = x{chain} * factor + shift;
  }
  var sum = vec4f(0.0);
  // @each sum += x{chain};
  y[id.x] = sum;
}

@compute @workgroup_size(64)
fn copy(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.n) { y[i] = x[i]; }
}

@compute @workgroup_size(64)
fn nothing(@builtin(global_invocation_id) id: vec3u) {
  if (id.x == 0u) { y[0] = vec4f(1.0); }
}
