// Multi-head attention, y = dropout(softmax(s)) · v with s = alpha · q · kᵀ, and its gradients. The weights are never stored:
// the backward pass computes them anew from what the forward pass leaves of each row (FlashAttention, Dao et al. 2022).
//   forward   y, and stats[row].x = log Σ_j exp(s_j)
//   queries   dq, and stats[row].y = Σ_j p_j g_j = dy · y, where p = exp(s − stats.x) are the weights and g their gradient
//   keys      dk and dv, after `queries`
// q, y, dy, dq [B, N, D] and k, v, dk, dv [B, L, D] with HEADS heads of DIM = D / HEADS values side by side;
// stats [B, HEADS, N]. A thread has ROWS queries of one head and goes through its keys, four at a time; in `keys` it has
// keys and goes through queries. The gradient of s is p ∘ (g − stats.y).
//
// A line marked @each is repeated by each.ts, for each row below ROWS, part below PARTS = ⌈DIM / 4⌉, lane and other below 4:
// `other` is one of the four keys (queries) at hand, `lane` a component of four values or of four others' values. Where LANES
// > 1 (4 at least), a workgroup is a subgroup of as many threads with rows of one head: each loads, for all, part `piece` of key
// `whose` of the four for every `load` below ⌈4 · PARTS / LANES⌉.

struct Params {
  blocks: u32, across: u32, // ROWS rows each, of all images' heads, whole subgroups a head; threads in a line of workgroups
  N: u32, L: u32,
  alpha: f32,
  addFirst: u32, addSecond: u32, // to the gradient that is there: dq, or dk and dv
  seed: u32, threshold: u32, rescale: f32,
}
@group(0) @binding(0) var<storage, read> q: array<Value>;
@group(0) @binding(1) var<storage, read> k: array<Value>;
@group(0) @binding(2) var<storage, read> v: array<Value>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;
@group(0) @binding(4) var<storage, read_write> stats: array<vec2f>;
@group(0) @binding(5) var<storage, read> dy: array<Value>;
@group(0) @binding(6) var<storage, read_write> dq: array<Value>;
@group(0) @binding(7) var<storage, read_write> dk: array<Value>;
@group(0) @binding(8) var<storage, read_write> dv: array<Value>;
@group(1) @binding(0) var<uniform> params: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
const LOWEST = vec4f(-3.4e38);

// Where a thread's rows are: of a head of an image, `first` is the first of `count`.
struct Place { image: u32, head: u32, first: u32, there: bool }

fn place(id: vec3u, count: u32) -> Place {
  let i = id.y * params.across + id.x;
  let blocks = (count + ROWS * LANES - 1u) / (ROWS * LANES) * LANES; // threads that share are of one head
  let head = i / blocks;
  return Place(head / HEADS, head % HEADS, i % blocks * ROWS, i < params.blocks);
}

// In floats: where a row of an image's head begins, of `count` rows.
fn start(at: Place, row: u32, count: u32) -> u32 {
  return ((at.image * count + row) * HEADS + at.head) * DIM;
}

fn dropped(weights: vec4f, positions: vec4u) -> vec4f {
  if (!DROP) { return weights; }
  let kept = is_kept_at(positions, params.seed, params.threshold);
  return select(vec4f(0.0), params.rescale * weights, kept);
}

@compute @workgroup_size(GROUP)
fn forward(
  @builtin(global_invocation_id) id: vec3u,
  // @each shared:
  @builtin(subgroup_invocation_id) thread: u32,
  // @end
) {
  let at = place(id, params.N);
  if (!at.there) { return; }
  let head = at.image * HEADS + at.head;
  // @each let n{row} = min(at.first + {row}u, params.N - 1u);
  // @each let i{row} = start(at, n{row}, params.N);
  // @each let q{row}_{part} = params.alpha * load_q(i{row}, {part}u);
  // @each var y{row}_{part} = vec4f(0.0);
  // @each var peak{row} = LOWEST.x;
  // @each var sum{row} = 0.0;
  // @each shared:
  // @each let whose{load} = min({load * LANES}u + thread, {4 * PARTS - 1}u) / {PARTS}u;
  // @each let piece{load} = min({load * LANES}u + thread, {4 * PARTS - 1}u) % {PARTS}u;
  // @end
  for (var j = 0u; j < params.L; j += 4u) {
    // @each shared:
    // @each let l{load} = start(at, min(j + whose{load}, params.L - 1u), params.L);
    // @each let some_k{load} = load_k(l{load}, piece{load});
    // @each let some_v{load} = load_v(l{load}, piece{load});
    // @each let k{other}_{part} = subgroupBroadcast(some_k{(other * PARTS + part) / LANES}, {(other * PARTS + part) % LANES}u);
    // @each let v{other}_{part} = subgroupBroadcast(some_v{(other * PARTS + part) / LANES}, {(other * PARTS + part) % LANES}u);
    // @end
    // @each alone:
    // @each let l{other} = start(at, min(j + {other}u, params.L - 1u), params.L);
    // @each let k{other}_{part} = load_k(l{other}, {part}u);
    // @each let v{other}_{part} = load_v(l{other}, {part}u);
    // @end
    // @each let t{part}_{lane} = vec4f(k0_{part}[{lane}], k1_{part}[{lane}], k2_{part}[{lane}], k3_{part}[{lane}]);
    let there = vec4u(j) + FOUR < vec4u(params.L);
    // @each var s{row} = vec4f(0.0);
    // @each s{row} += q{row}_{part}[{lane}] * t{part}_{lane};
    // @each s{row} = select(LOWEST, s{row}, there);
    // @each let top{row} = max(peak{row}, largest(s{row}));
    // @each let shrink{row} = exp(peak{row} - top{row});
    // @each let p{row} = exp(s{row} - vec4f(top{row}));
    // @each peak{row} = top{row};
    // @each sum{row} = shrink{row} * sum{row} + total(p{row});
    // @each let w{row} = dropped(p{row}, vec4u((head * params.N + n{row}) * params.L + j) + FOUR);
    // @each y{row}_{part} *= shrink{row};
    // @each y{row}_{part} += w{row}[{other}] * v{other}_{part};
  }
  // @each if (at.first + {row}u < params.N) { stats[head * params.N + n{row}] = vec2f(peak{row} + log(sum{row}), 0.0); }
  // @each if (at.first + {row}u < params.N) { store_y(i{row}, {part}u, y{row}_{part} / sum{row}, false); }
}

@compute @workgroup_size(GROUP)
fn queries(
  @builtin(global_invocation_id) id: vec3u,
  // @each shared:
  @builtin(subgroup_invocation_id) thread: u32,
  // @end
) {
  let at = place(id, params.N);
  if (!at.there) { return; }
  let head = at.image * HEADS + at.head;
  // @each let n{row} = min(at.first + {row}u, params.N - 1u);
  // @each let i{row} = start(at, n{row}, params.N);
  // @each let q{row}_{part} = params.alpha * load_q(i{row}, {part}u);
  // @each let dy{row}_{part} = load_dy(i{row}, {part}u);
  // @each let sum{row} = stats[head * params.N + n{row}].x;
  // @each var mean{row} = 0.0;
  // @each mean{row} += dot(dy{row}_{part}, load_y(i{row}, {part}u));
  // @each if (at.first + {row}u < params.N) { stats[head * params.N + n{row}].y = mean{row}; }
  // @each var dq{row}_{part} = vec4f(0.0);
  // @each shared:
  // @each let whose{load} = min({load * LANES}u + thread, {4 * PARTS - 1}u) / {PARTS}u;
  // @each let piece{load} = min({load * LANES}u + thread, {4 * PARTS - 1}u) % {PARTS}u;
  // @end
  for (var j = 0u; j < params.L; j += 4u) {
    // @each shared:
    // @each let l{load} = start(at, min(j + whose{load}, params.L - 1u), params.L);
    // @each let some_k{load} = load_k(l{load}, piece{load});
    // @each let some_v{load} = load_v(l{load}, piece{load});
    // @each let k{other}_{part} = subgroupBroadcast(some_k{(other * PARTS + part) / LANES}, {(other * PARTS + part) % LANES}u);
    // @each let v{other}_{part} = subgroupBroadcast(some_v{(other * PARTS + part) / LANES}, {(other * PARTS + part) % LANES}u);
    // @end
    // @each alone:
    // @each let l{other} = start(at, min(j + {other}u, params.L - 1u), params.L);
    // @each let k{other}_{part} = load_k(l{other}, {part}u);
    // @each let v{other}_{part} = load_v(l{other}, {part}u);
    // @end
    // @each let t{part}_{lane} = vec4f(k0_{part}[{lane}], k1_{part}[{lane}], k2_{part}[{lane}], k3_{part}[{lane}]);
    // @each let u{part}_{lane} = vec4f(v0_{part}[{lane}], v1_{part}[{lane}], v2_{part}[{lane}], v3_{part}[{lane}]);
    let there = vec4u(j) + FOUR < vec4u(params.L);
    // @each var s{row} = vec4f(0.0);
    // @each s{row} += q{row}_{part}[{lane}] * t{part}_{lane};
    // @each let p{row} = select(vec4f(0.0), exp(s{row} - vec4f(sum{row})), there);
    // @each var g{row} = vec4f(0.0);
    // @each g{row} += dy{row}_{part}[{lane}] * u{part}_{lane};
    // @each g{row} = dropped(g{row}, vec4u((head * params.N + n{row}) * params.L + j) + FOUR);
    // @each let ds{row} = p{row} * (g{row} - vec4f(mean{row}));
    // @each dq{row}_{part} += ds{row}[{other}] * k{other}_{part};
  }
  // @each if (at.first + {row}u < params.N) { store_dq(i{row}, {part}u, params.alpha * dq{row}_{part}, params.addFirst == 1u); }
}

@compute @workgroup_size(GROUP)
fn keys(
  @builtin(global_invocation_id) id: vec3u,
  // @each shared:
  @builtin(subgroup_invocation_id) thread: u32,
  // @end
) {
  let at = place(id, params.L);
  if (!at.there) { return; }
  let head = at.image * HEADS + at.head;
  // @each let n{row} = min(at.first + {row}u, params.L - 1u);
  // @each let i{row} = start(at, n{row}, params.L);
  // @each let k{row}_{part} = params.alpha * load_k(i{row}, {part}u);
  // @each let v{row}_{part} = load_v(i{row}, {part}u);
  // @each var dk{row}_{part} = vec4f(0.0);
  // @each var dv{row}_{part} = vec4f(0.0);
  // @each shared:
  // @each let whose{load} = min({load * LANES}u + thread, {4 * PARTS - 1}u) / {PARTS}u;
  // @each let piece{load} = min({load * LANES}u + thread, {4 * PARTS - 1}u) % {PARTS}u;
  // @end
  for (var j = 0u; j < params.N; j += 4u) {
    // @each shared:
    // @each let l{load} = start(at, min(j + whose{load}, params.N - 1u), params.N);
    // @each let some_q{load} = load_q(l{load}, piece{load});
    // @each let some_dy{load} = load_dy(l{load}, piece{load});
    // @each let q{other}_{part} = subgroupBroadcast(some_q{(other * PARTS + part) / LANES}, {(other * PARTS + part) % LANES}u);
    // @each let dy{other}_{part} = subgroupBroadcast(some_dy{(other * PARTS + part) / LANES}, {(other * PARTS + part) % LANES}u);
    let some_stat = stats[head * params.N + min(j + thread % 4u, params.N - 1u)];
    // @each let stat{other} = subgroupBroadcast(some_stat, {other}u);
    // @end
    // @each alone:
    // @each let m{other} = min(j + {other}u, params.N - 1u);
    // @each let l{other} = start(at, m{other}, params.N);
    // @each let q{other}_{part} = load_q(l{other}, {part}u);
    // @each let dy{other}_{part} = load_dy(l{other}, {part}u);
    // @each let stat{other} = stats[head * params.N + m{other}];
    // @end
    // @each let t{part}_{lane} = vec4f(q0_{part}[{lane}], q1_{part}[{lane}], q2_{part}[{lane}], q3_{part}[{lane}]);
    // @each let u{part}_{lane} = vec4f(dy0_{part}[{lane}], dy1_{part}[{lane}], dy2_{part}[{lane}], dy3_{part}[{lane}]);
    let sum = vec4f(stat0.x, stat1.x, stat2.x, stat3.x);
    let mean = vec4f(stat0.y, stat1.y, stat2.y, stat3.y);
    let there = vec4u(j) + FOUR < vec4u(params.N);
    // @each var s{row} = vec4f(0.0);
    // @each s{row} += k{row}_{part}[{lane}] * t{part}_{lane};
    // @each let p{row} = select(vec4f(0.0), exp(s{row} - sum), there);
    // @each let x{row} = (vec4u(head * params.N + j) + FOUR) * params.L + vec4u(n{row});
    // @each let w{row} = dropped(p{row}, x{row});
    // @each dv{row}_{part} += w{row}[{other}] * dy{other}_{part};
    // @each var g{row} = vec4f(0.0);
    // @each g{row} += v{row}_{part}[{lane}] * u{part}_{lane};
    // @each let ds{row} = p{row} * (dropped(g{row}, x{row}) - mean);
    // @each dk{row}_{part} += ds{row}[{other}] * q{other}_{part};
  }
  // @each if (at.first + {row}u < params.L) { store_dk(i{row}, {part}u, params.alpha * dk{row}_{part}, params.addFirst == 1u); }
  // @each if (at.first + {row}u < params.L) { store_dv(i{row}, {part}u, dv{row}_{part}, params.addSecond == 1u); }
}
