// 1×1 convolution over NHWC maps, with what stands around it in an MBConv block:
//   y[b, m, n] = act(bias[n] + Σ_k x[b, m, k] · gates[b, k] · w[n, k]) + residual[b, m, n]
// x [B, M, K] (M positions), gates [B, K], w [N, K], bias [N], y and residual [B, M, N]; K and N multiples of 4; all of them
// lie as Stored, four values of f32 or f16.
// A workgroup is one subgroup of LANES threads, each of which computes TN channels of TM positions, LANES apart. Of the
// weights, which all of them need, a thread loads the four rows of one column of four channels and hears the others from its
// neighbours. What would lie beyond the last position or channel is computed and written twice, the same both times: llvmpipe
// stores two to three times as fast without a condition.
//
// A line marked @each is repeated by each.ts, for each row below TM, column below TN / 4 and one below 4, one channel of four.

struct Params { M: u32, N: u32, K4: u32, tilesN: u32 }
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> weight: array<Stored>;
@group(0) @binding(2) var<storage, read> bias: array<Stored>;
@group(0) @binding(3) var<storage, read> gates: array<Stored>;
@group(0) @binding(4) var<storage, read> residual: array<Stored>;
@group(0) @binding(5) var<storage, read_write> y: array<Stored>;
@group(1) @binding(0) var<uniform> params: Params;

fn gate(at: u32) -> vec4f {
  if (GATED) { return vec4f(gates[at]); }
  return vec4f(1.0);
}

fn store(pixel: u32, n: u32, value: vec4f) {
  let index = (pixel * params.N + n) / 4u;
  var v = value;
  if (SILU) { v = v / (1.0 + exp(-v)); }
  if (RESIDUAL) { v += vec4f(residual[index]); }
  y[index] = Stored(v);
}

@compute @workgroup_size(LANES)
fn pointwise(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let image = group.z;
  let m0 = group.x / params.tilesN * LANES * TM + lane;
  let n0 = min(group.x % params.tilesN * TN, params.N - TN);
  let own = min(n0 + 4u * lane, params.N - 4u); // the first channel of a thread's weights
  // @each let pixel{row} = image * params.M + min(m0 + {row}u * LANES, params.M - 1u);
  // @each let share{one} = (own + {one}u) * params.K4;
  // @each let bias{column} = vec4f(bias[n0 / 4u + {column}u]);
  // @each var y{row}_{column} = bias{column};
  for (var k = 0u; k < params.K4; k++) {
    let g = gate(image * params.K4 + k);
    // @each let x{row} = vec4f(x[pixel{row} * params.K4 + k]);
    // @each let s{one} = vec4f(weight[share{one} + k]) * g;
    // @each let w{column}_{one} = subgroupBroadcast(s{one}, {column}u);
    // @each let t{column}_{one} = vec4f(w{column}_0[{one}], w{column}_1[{one}], w{column}_2[{one}], w{column}_3[{one}]);
    // Four k for each accumulator before the next is looked at: not all of them fit into registers.
    // @each y{row}_{column} = y{row}_{column} + x{row}.x * t{column}_0 + x{row}.y * t{column}_1 + x{row}.z * t{column}_2 + x{row}.w * t{column}_3;
  }
  // @each store(pixel{row}, n0 + 4u * {column}u, y{row}_{column});
}
