// torch.optim.SGD with momentum μ (dampening 0) over one flat buffer, after clipping the gradient's norm as
// torch.nn.utils.clip_grad_norm_ does:
//   g = gradient · min(1, clip / (√squares + 1e-6)) + decay · p
//   velocity = μ · velocity + g
//   p = p − lr · velocity, or p − lr · (g + μ · velocity) with Nesterov's momentum

struct Params {
  n: u32, across: u32,
  clip: f32, // 0: no clipping
  decay: f32, lr: f32, momentum: f32,
  nesterov: u32,
}
@group(0) @binding(0) var<storage, read_write> p: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> velocity: array<vec4f>;
@group(0) @binding(2) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(3) var<storage, read> squares: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn step(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.n) { return; }
  var scale = 1.0;
  if (params.clip > 0.0) { scale = min(1.0, params.clip / (sqrt(squares[0]) + 1e-6)); }
  let g = scale * gradient[i] + params.decay * p[i];
  let next = params.momentum * velocity[i] + g;
  velocity[i] = next;
  p[i] -= params.lr * select(next, g + params.momentum * next, params.nesterov == 1u);
}
