// Each channel normalised over positions (torch.nn.BatchNorm2d, InstanceNorm2d), and the gradients of that. Rows are in groups
// with statistics of their own: all of a batch's in one group, or a group an image.
//   moments    of each block of rows: the mean, and scale · Σ (x − mean)² by Welford's recurrence, which does not cancel
//   merge      the same of a block of `parts`, as if of all their rows (Chan et al. 1979)
//   normalise  y = (x − mean) · rstd · weight + bias, rstd = 1 / √(variance + eps)
//   sums       of each block of rows: Σ dy and Σ dy ∘ n, where n = (x − mean) · rstd; they make the gradients of bias and weight
//   add_up     the same of a block of `parts`
//   gradient   dx = rstd · weight · (dy − (Σ dy + n · Σ dy ∘ n) / rows), without the sums where not CENTRE  (+ dx where ADD)
//   track      running += momentum · (statistics − running), of the unbiased variance
//   recall     running statistics as the others take them
// x, dy, y, dx [groups, rows, columns]; weight, bias, running_* [columns]; parts [groups, blocks, 2, columns]; statistics
// (mean and variance) and sums [groups, 2, columns]. In moments, merge, sums and add_up a thread has one column of one block; in
// normalise and gradient every threads-th value of a group, all of one column, so that what belongs to the column is loaded once.

struct Params {
  rows: u32, columns: u32, n: u32, across: u32, // n: threads in all
  block: u32, blocks: u32, count: u32, // of rows or parts that a thread takes; how many; rows or parts of a group
  size: u32, scale: f32, // rows of a part
  threads: u32, eps: f32, affine: u32, // of a group; whether there are weight and bias
  momentum: f32, unbiased: f32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> dy: array<Element>;
@group(0) @binding(2) var<storage, read> weight: array<Element>;
@group(0) @binding(3) var<storage, read> bias: array<Element>;
@group(0) @binding(4) var<storage, read> statistics: array<Element>;
@group(0) @binding(5) var<storage, read> parts: array<Element>;
@group(0) @binding(6) var<storage, read_write> y: array<Element>;
@group(0) @binding(7) var<storage, read_write> running_mean: array<Element>;
@group(0) @binding(8) var<storage, read_write> running_variance: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

// One column of the rows or parts first … end − 1 of a group, and where its two results go.
struct Place { column: u32, group: u32, first: u32, end: u32, to: u32 }

fn place(n: u32) -> Place {
  let column = n % params.columns;
  let block = n / params.columns;
  let first = block % params.blocks * params.block;
  let to = 2u * block * params.columns + column;
  return Place(column, block / params.blocks, first, min(first + params.block, params.count), to);
}

fn index(id: vec3u) -> u32 { return id.y * params.across + id.x; }

@compute @workgroup_size(64)
fn moments(@builtin(global_invocation_id) id: vec3u) {
  if (index(id) >= params.n) { return; }
  let at = place(index(id));
  let start = at.group * params.rows * params.columns + at.column;
  let near = x[start + at.first * params.columns]; // the mean, more or less: small differences are exact
  var mean = Element(0.0);
  var square = Element(0.0);
  for (var r = at.first; r < at.end; r++) {
    let v = x[start + r * params.columns] - near;
    let d = v - mean;
    mean += d / f32(r - at.first + 1u);
    square += d * (v - mean);
  }
  y[at.to] = near + mean;
  y[at.to + params.columns] = params.scale * square;
}

@compute @workgroup_size(64)
fn merge(@builtin(global_invocation_id) id: vec3u) {
  if (index(id) >= params.n) { return; }
  let at = place(index(id));
  var mean = Element(0.0);
  var square = Element(0.0);
  var known = 0.0;
  for (var i = at.first; i < at.end; i++) {
    let part = 2u * (at.group * params.count + i) * params.columns + at.column;
    let more = f32(min(params.size, params.rows - i * params.size));
    let d = parts[part] - mean;
    mean += d * (more / (known + more));
    square += parts[part + params.columns] + d * d * (known / (known + more) * more);
    known += more;
  }
  y[at.to] = mean;
  y[at.to + params.columns] = params.scale * square;
}

@compute @workgroup_size(64)
fn sums(@builtin(global_invocation_id) id: vec3u) {
  if (index(id) >= params.n) { return; }
  let at = place(index(id));
  let mean = statistics[2u * at.group * params.columns + at.column];
  let rstd = inverseSqrt(statistics[(2u * at.group + 1u) * params.columns + at.column] + params.eps);
  var plain = Element(0.0);
  var along = Element(0.0);
  for (var r = at.first; r < at.end; r++) {
    let i = (at.group * params.rows + r) * params.columns + at.column;
    plain += dy[i];
    along += dy[i] * (x[i] - mean);
  }
  y[at.to] = plain;
  y[at.to + params.columns] = along * rstd;
}

@compute @workgroup_size(64)
fn add_up(@builtin(global_invocation_id) id: vec3u) {
  if (index(id) >= params.n) { return; }
  let at = place(index(id));
  var plain = Element(0.0);
  var along = Element(0.0);
  for (var i = at.first; i < at.end; i++) {
    let part = 2u * (at.group * params.count + i) * params.columns + at.column;
    plain += parts[part];
    along += parts[part + params.columns];
  }
  y[at.to] = plain;
  y[at.to + params.columns] = along;
}

@compute @workgroup_size(64)
fn normalise(@builtin(global_invocation_id) id: vec3u) {
  if (index(id) >= params.n) { return; }
  let group = index(id) / params.threads;
  let thread = index(id) % params.threads;
  let column = thread % params.columns;
  let mean = statistics[2u * group * params.columns + column];
  var scale = inverseSqrt(statistics[(2u * group + 1u) * params.columns + column] + params.eps);
  var shift = Element(0.0);
  if (params.affine == 1u) {
    scale *= weight[column];
    shift = bias[column];
  }
  let end = (group + 1u) * params.rows * params.columns;
  for (var i = end - params.rows * params.columns + thread; i < end; i += params.threads) {
    y[i] = (x[i] - mean) * scale + shift;
  }
}

// Here parts are the group's sums, and y is dx.
@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u) {
  if (index(id) >= params.n) { return; }
  let group = index(id) / params.threads;
  let thread = index(id) % params.threads;
  let column = thread % params.columns;
  let first = 2u * group * params.columns + column;
  let mean = statistics[first];
  let rstd = inverseSqrt(statistics[first + params.columns] + params.eps);
  var scale = rstd;
  if (params.affine == 1u) { scale *= weight[column]; }
  var plain = Element(0.0);
  var along = Element(0.0);
  if (CENTRE) {
    plain = parts[first] / f32(params.rows);
    along = parts[first + params.columns] * rstd / f32(params.rows);
  }
  let end = (group + 1u) * params.rows * params.columns;
  for (var i = end - params.rows * params.columns + thread; i < end; i += params.threads) {
    var d = dy[i];
    if (CENTRE) { d -= plain + (x[i] - mean) * along; }
    d *= scale;
    if (ADD) { d += y[i]; }
    y[i] = d;
  }
}

@compute @workgroup_size(64)
fn track(@builtin(global_invocation_id) id: vec3u) {
  let column = index(id);
  if (column >= params.n) { return; }
  let variance = params.unbiased * statistics[params.columns + column];
  running_mean[column] += params.momentum * (statistics[column] - running_mean[column]);
  running_variance[column] += params.momentum * (variance - running_variance[column]);
}

@compute @workgroup_size(64)
fn recall(@builtin(global_invocation_id) id: vec3u) {
  let column = index(id);
  if (column >= params.n) { return; }
  y[column] = running_mean[column];
  y[params.columns + column] = running_variance[column];
}
