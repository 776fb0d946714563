// Sums of squares, and the gradient of the mean squared error.
//   sum       parts[t] = Σ x² over the values t, t + T, t + 2T, … for each of T threads
//   distance  parts[t] = Σ (x − wanted)², likewise
//   gradient  dx = factor · dloss[0] · (x − wanted)
//   norms     parts[row] = ‖x[row, :]‖₂: x [rows, columns]

struct Params { n: u32, threads: u32, columns: u32, across: u32, factor: f32 } // n, columns in Elements
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> wanted: array<Element>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;
@group(0) @binding(3) var<storage, read> dloss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(GROUP)
fn sum(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.threads) { return; }
  var square = Element(0.0);
  for (var i = id.x; i < params.n; i += params.threads) { square += x[i] * x[i]; }
  parts[id.x] = total(square);
}

@compute @workgroup_size(GROUP)
fn distance(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.threads) { return; }
  var square = Element(0.0);
  for (var i = id.x; i < params.n; i += params.threads) {
    let d = x[i] - wanted[i];
    square += d * d;
  }
  parts[id.x] = total(square);
}

@compute @workgroup_size(GROUP)
fn gradient(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i < params.n) { dx[i] = params.factor * dloss[0] * (x[i] - wanted[i]); }
}

@compute @workgroup_size(GROUP)
fn norms(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let row = (group.y * params.across + group.x) * (GROUP / LANES) + thread / LANES;
  let start = row * params.columns;
  let end = select(0u, params.columns, row < params.n);
  var square = 0.0;
  for (var i = thread % LANES; i < end; i += LANES) { square += total(x[start + i] * x[start + i]); }
  square = row_sum(square, thread);
  if (thread % LANES == 0u && row < params.n) { parts[row] = sqrt(square); }
}
