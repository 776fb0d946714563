// Standard normal numbers by counter, and samples of a diagonal Gaussian that are made of them. Number i is normalAt(seed, i)
// of src/hash.ts, to float32's rounding on every adapter: WGSL lets log and cos be far less exact, so both are series here.
//   normals       z[i] = ε_i
//   sample        z[i] = mu[i] + exp(½ variance[i]) ε_i                          (Kingma & Welling 2014), variance in logarithms
//   sample_slope  d[i] = ½ exp(½ variance[i]) ε_i dz[i], ∂/∂variance, or added to what is there where `add`
// Values one by one, n of them: the mean's gradient is dz itself.

struct Params { n: u32, across: u32, seed: u32, add: u32 }
@group(0) @binding(0) var<storage, read> mu: array<f32>;
@group(0) @binding(1) var<storage, read> variance: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;
@group(0) @binding(3) var<storage, read> dz: array<f32>;
@group(0) @binding(4) var<storage, read_write> d: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// −log(n / 2²⁴) for whole n of 1 to 2²⁴: n = m · 2^e with m in √½ … √2, log m = 2 artanh((m − 1) / (m + 1)) by its series.
fn minus_log(n: u32) -> f32 {
  let bits = bitcast<u32>(f32(n));
  let half = u32((bits & 0x7fffffu) > 0x3504f3u); // whether the mantissa is above √2
  let m = bitcast<f32>((bits & 0x7fffffu) | ((127u - half) << 23u));
  let e = i32((bits >> 23u) + half) - 127;
  let s = (m - 1.0) / (m + 1.0);
  let q = s * s; // up to 0.03
  let log_m = 2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q / 9.0))));
  return f32(24 - e) * 0.693147181 - log_m;
}

// cos(2π t / 2³²): the nearest quarter of a turn, and the series of what is left, at most an eighth of a turn.
fn cosine(t: u32) -> f32 {
  let quarter = (t + 0x20000000u) >> 30u;
  let a = f32(bitcast<i32>(t - (quarter << 30u))) * 1.46291808e-9; // 2π / 2³²
  let q = a * a;
  let sine = a * (1.0 - q * (1.0 / 6.0 - q * (1.0 / 120.0 - q * (1.0 / 5040.0 - q / 362880.0))));
  let cosine = 1.0 - q * (0.5 - q * (1.0 / 24.0 - q * (1.0 / 720.0 - q * (1.0 / 40320.0 - q / 3628800.0))));
  let v = select(cosine, sine, (quarter & 1u) == 1u);
  return select(v, -v, quarter == 1u || quarter == 2u);
}

fn normal_at(i: u32) -> f32 {
  let even = i & 0xfffffffeu;
  let radius = sqrt(2.0 * minus_log((bits_at(even, params.seed) >> 8u) + 1u));
  return radius * cosine(bits_at(even + 1u, params.seed) - ((i & 1u) << 30u));
}

@compute @workgroup_size(64)
fn normals(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.n) { z[i] = normal_at(i); }
}

@compute @workgroup_size(64)
fn sample(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.n) { z[i] = mu[i] + exp(0.5 * variance[i]) * normal_at(i); }
}

@compute @workgroup_size(64)
fn sample_slope(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.n) { return; }
  let gradient = 0.5 * exp(0.5 * variance[i]) * normal_at(i) * dz[i];
  if (params.add == 1u) { d[i] += gradient; } else { d[i] = gradient; }
}
