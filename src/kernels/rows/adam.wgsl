// torch.optim.Adam (Kingma & Ba 2015) and AdamW (decoupled weight decay, Loshchilov & Hutter 2019) over one flat buffer,
// after clipping the gradient's norm as torch.nn.utils.clip_grad_norm_ does:
//   g = gradient · min(1, clip / (√squares + 1e-6)) + decay · p
//   m = β1·m + (1−β1)·g;  v = β2·v + (1−β2)·g²
//   p = shrink · p − size · m / (√v / root + ε),   size = lr / (1 − β1ᵗ), root = √(1 − β2ᵗ)

struct Params {
  n: u32, across: u32,
  clip: f32, // 0: no clipping
  decay: f32, shrink: f32, // Adam: shrink is 1. AdamW: decay is 0, shrink is 1 − lr·decay
  size: f32, root: f32, beta1: f32, beta2: f32, rest1: f32, rest2: f32, // rest: 1 − β
  eps: f32,
}
@group(0) @binding(0) var<storage, read_write> p: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(3) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(4) var<storage, read> squares: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn step(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.n) { return; }
  var scale = 1.0;
  if (params.clip > 0.0) { scale = min(1.0, params.clip / (sqrt(squares[0]) + 1e-6)); }
  let g = scale * gradient[i] + params.decay * p[i];
  let first = params.beta1 * m[i] + params.rest1 * g;
  let second = params.beta2 * v[i] + params.rest2 * g * g;
  m[i] = first;
  v[i] = second;
  p[i] = params.shrink * p[i] - params.size * first / (sqrt(second) / params.root + params.eps);
}
