// What squeeze-excite (Hu et al. 2018) does with the means of a map (conv/position_mean.wgsl), four channels a thread:
//   dense  y[b, n] = act(bias[n] + Σ_k x[b, k] · w[n, k]); x [B, K], w [N, K], y [B, N], act SiLU or sigmoid
//   gate   x[b, h, w, c] *= y[b, c], in place; x [B, H, W, C], y [B, C]

struct Params { rows: u32, W: u32, C4: u32, K4: u32, silu: u32 }
@group(0) @binding(0) var<storage, read> source: array<Stored>;
@group(0) @binding(1) var<storage, read_write> y: array<Stored>;
@group(0) @binding(2) var<storage, read> weight: array<Stored>;
@group(0) @binding(3) var<storage, read> bias: array<Stored>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(8) // few threads: as many workgroups as possible
fn dense(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.C4) { return; }
  let row = 4u * id.x * params.K4;
  var v = vec4f(bias[id.x]);
  for (var k = 0u; k < params.K4; k++) {
    let x = vec4f(source[id.y * params.K4 + k]);
    let w = row + k;
    v += vec4f(
      dot(x, vec4f(weight[w])),
      dot(x, vec4f(weight[w + params.K4])),
      dot(x, vec4f(weight[w + 2u * params.K4])),
      dot(x, vec4f(weight[w + 3u * params.K4])),
    );
  }
  let sigmoid = 1.0 / (1.0 + exp(-v));
  y[id.y * params.C4 + id.x] = Stored(sigmoid * select(vec4f(1.0), v, params.silu == 1u));
}

@compute @workgroup_size(64)
fn gate(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.W * params.C4) { return; }
  let at = (id.z * params.rows + id.y) * params.W * params.C4 + id.x;
  y[at] = Stored(vec4f(y[at]) * vec4f(source[id.z * params.C4 + id.x % params.C4]));
}
