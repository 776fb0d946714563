// The nearest rows of a bank to each query, from scores that grow with the distance.
//   choose     looks through the scores of some of the bank's rows, [queries, columns], and keeps the K smallest of those
//              and of the last ones, ascending: values and rows [queries, SEGMENTS, K]. Thread s of a query looks at the
//              columns 4s … 4s + 3, 4(s + SEGMENTS) …, those from 4 · begin to 4 · end; column 0 is the bank's row
//              `first`. Where `fresh`, there are no last ones. The first of equals is kept.
//   merge      the K smallest of a query's SEGMENTS lists: values, rows → y, found [queries, K]
//   distances  values[q, i] = Σ_c (x[q, c] − bank[rows[q, i], c])², rows that are in this piece of the bank only
//   order      a query's candidates by distance, and by row where that is equal: the first `keep` of K roots of values and
//              their rows → y, found [queries, keep]
//   gather     y[q] = bank[rows[q]], rows that are in this piece only
// A piece of the bank has the rows `first` … `first + count − 1`; `wide` is in vec4. NONE is no row.

const FAR = 3.4e38;
const NONE = 0xffffffffu;

struct Params {
  queries: u32, columns: u32, begin: u32, end: u32, first: u32, count: u32, wide: u32, fresh: u32, keep: u32, across: u32,
}
@group(0) @binding(0) var<storage, read> scores: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> rows: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<vec4f>;
@group(0) @binding(4) var<storage, read> bank: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> found: array<u32>;
@group(0) @binding(7) var<storage, read_write> picked: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

var<private> best: array<f32, K>; // ascending
var<private> which: array<u32, K>;

fn insert(value: f32, row: u32) {
  var at = K - 1u;
  while (at > 0u) {
    if (best[at - 1u] <= value) { break; }
    best[at] = best[at - 1u];
    which[at] = which[at - 1u];
    at--;
  }
  best[at] = value;
  which[at] = row;
}

@compute @workgroup_size(64)
fn choose(@builtin(global_invocation_id) id: vec3u) {
  let list = id.y * params.across + id.x;
  if (list >= params.queries * SEGMENTS) { return; }
  for (var i = 0u; i < K; i++) {
    best[i] = FAR;
    which[i] = NONE;
    if (params.fresh == 0u) {
      best[i] = values[list * K + i];
      which[i] = rows[list * K + i];
    }
  }
  let start = (list / SEGMENTS) * (params.columns / 4u);
  for (var c = params.begin + list % SEGMENTS; c < params.end; c += SEGMENTS) {
    let v = scores[start + c];
    if (any(v < vec4f(best[K - 1u]))) {
      for (var j = 0u; j < 4u; j++) {
        if (v[j] < best[K - 1u]) { insert(v[j], params.first + 4u * c + j); }
      }
    }
  }
  for (var i = 0u; i < K; i++) {
    values[list * K + i] = best[i];
    rows[list * K + i] = which[i];
  }
}

@compute @workgroup_size(64)
fn merge(@builtin(global_invocation_id) id: vec3u) {
  let q = id.y * params.across + id.x;
  if (q >= params.queries) { return; }
  for (var i = 0u; i < K; i++) {
    best[i] = FAR;
    which[i] = NONE;
  }
  for (var s = q * SEGMENTS; s < (q + 1u) * SEGMENTS; s++) {
    for (var i = s * K; i < (s + 1u) * K; i++) {
      if (values[i] >= best[K - 1u]) { break; }
      insert(values[i], rows[i]);
    }
  }
  for (var i = 0u; i < K; i++) {
    y[q * K + i] = best[i];
    found[q * K + i] = which[i];
  }
}

@compute @workgroup_size(64)
fn distances(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.queries * K) { return; }
  let row = rows[i];
  if (row == NONE) { values[i] = FAR; }
  if (row < params.first || row - params.first >= params.count) { return; }
  let a = (i / K) * params.wide;
  let b = (row - params.first) * params.wide;
  var sum = vec4f(0.0);
  for (var c = 0u; c < params.wide; c++) {
    let d = x[a + c] - bank[b + c];
    sum += d * d;
  }
  values[i] = dot(sum, vec4f(1.0));
}

@compute @workgroup_size(64)
fn order(@builtin(global_invocation_id) id: vec3u) {
  let q = id.y * params.across + id.x;
  if (q >= params.queries) { return; }
  for (var i = 0u; i < K; i++) {
    let value = values[q * K + i];
    let row = rows[q * K + i];
    var at = i;
    while (at > 0u) {
      if (best[at - 1u] < value || (best[at - 1u] == value && which[at - 1u] <= row)) { break; }
      best[at] = best[at - 1u];
      which[at] = which[at - 1u];
      at--;
    }
    best[at] = value;
    which[at] = row;
  }
  for (var i = 0u; i < params.keep; i++) {
    y[q * params.keep + i] = sqrt(best[i]);
    found[q * params.keep + i] = which[i];
  }
}

@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.queries * params.wide) { return; }
  let row = rows[i / params.wide];
  if (row < params.first || row - params.first >= params.count) { return; }
  picked[i] = bank[(row - params.first) * params.wide + i % params.wide];
}
