// Greedy k-centre selection: the next pick is the point farthest from all picks so far.
//   take      centre = the point picks[step], where it is in this piece
//   cover     nearest = min(nearest, ‖x − centre‖²) and, of each thread's points, the farthest: far, at [threads] from
//             `part` on. Thread t has the points 4t … 4t + 3, 4(t + threads) …
//   farthest  picks[step + 1] and reach[step + 1]: the farthest of `parts` of them, the first of equals
// A piece has its points as columns: x [dims, points]; dims and points are multiples of 4, `quads` is points / 4. Points that
// only fill up have a `nearest` below 0.

struct Params { dims: u32, quads: u32, first: u32, step: u32, threads: u32, part: u32, parts: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> centre: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> nearest: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> far: array<f32>;
@group(0) @binding(4) var<storage, read_write> at: array<u32>;
@group(0) @binding(5) var<storage, read_write> picks: array<u32>;
@group(0) @binding(6) var<storage, read_write> reach: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn take(@builtin(global_invocation_id) id: vec3u) {
  let pick = picks[params.step];
  if (id.x >= params.dims / 4u || pick < params.first || pick - params.first >= 4u * params.quads) { return; }
  let column = pick - params.first;
  let at = 4u * id.x * params.quads + column / 4u;
  let j = column % 4u;
  centre[id.x] = vec4f(x[at][j], x[at + params.quads][j], x[at + 2u * params.quads][j], x[at + 3u * params.quads][j]);
}

fn square(v: vec4f) -> vec4f { return v * v; }

@compute @workgroup_size(64)
fn cover(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.threads) { return; }
  var best = -1.0;
  var which = 0u;
  for (var i = id.x; i < params.quads; i += params.threads) {
    let before = nearest[i];
    var d = vec4f(0.0);
    for (var c = 0u; c < params.dims / 4u; c++) {
      if (all(d >= before)) { break; } // already as far as another pick
      let at = 4u * c * params.quads + i;
      let middle = centre[c];
      d += square(x[at] - middle.x);
      d += square(x[at + params.quads] - middle.y);
      d += square(x[at + 2u * params.quads] - middle.z);
      d += square(x[at + 3u * params.quads] - middle.w);
    }
    d = min(d, before);
    nearest[i] = d;
    for (var j = 0u; j < 4u; j++) {
      if (d[j] > best) {
        best = d[j];
        which = params.first + 4u * i + j;
      }
    }
  }
  far[params.part + id.x] = best;
  at[params.part + id.x] = which;
}

var<workgroup> bests: array<f32, 64>;
var<workgroup> whiches: array<u32, 64>;

@compute @workgroup_size(64)
fn farthest(@builtin(local_invocation_index) thread: u32) {
  var best = -1.0;
  var which = 0u;
  for (var i = thread; i < params.parts; i += 64u) {
    if (far[i] > best || (far[i] == best && at[i] < which)) {
      best = far[i];
      which = at[i];
    }
  }
  bests[thread] = best;
  whiches[thread] = which;
  workgroupBarrier();
  if (thread != 0u) { return; }
  for (var i = 1u; i < 64u; i++) {
    if (bests[i] > best || (bests[i] == best && whiches[i] < which)) {
      best = bests[i];
      which = whiches[i];
    }
  }
  picks[params.step + 1u] = which;
  reach[params.step + 1u] = best;
}
