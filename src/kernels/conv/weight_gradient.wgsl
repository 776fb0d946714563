// The gradient of a convolution's weight, in parts that unpack_gradient.wgsl adds up:
//   parts[split, p, block, c, q, o] = Σ over lines i of the split and all j of dz[b, i, j, o] ·
//     x[b, i · STRIDE + p · apart − top, j · STRIDE + (block · KW + q) · apart − left, c]
// dz [B, rows, columns, O], x [B, H, W, C], which counts as 0 outside; parts have O4 vec4 for O channels. KW > 1 only where taps
// are neighbours (apart 1). A thread has four channels o, KW taps of a row and CT channels c, and goes over TM
// neighbours of a line at a time. Where LANES > 1, a workgroup is a subgroup of as many threads, each with four channels o of
// its own, which need the same values of x: each loads its share of them and hears the others from its neighbours.
// Lines marked @each are repeated by each.ts, for each window m below TM, tap q below KW, channel c below CT (v of those that are
// read at once, WIDTH), column s of x under the windows, and share h of x's values.

struct Params {
  lines: u32, per: u32, rows: u32, columns: u32, units: u32, // a split has `per` of all B · rows lines
  C: u32, O: u32, H: u32, W: u32, P: u32, Q: u32, tiles: u32, apart: u32, top: u32, left: u32,
}
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> dz: array<Z>;
@group(0) @binding(2) var<storage, read_write> parts: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

// Channels o to o + 3 of window `at` of dz; 0 where there are none.
fn window(at: u32, o: u32, there: bool) -> vec4f {
  // @each by_four:
  return select(vec4f(0.0), dz[at * (params.O / 4u) + o], there);
  // @end
  // @each one_by_one:
  let n = vec4u(0u, 1u, 2u, 3u) + o * 4u;
  let i = vec4u(at * params.O) + n;
  return select(vec4f(0.0), vec4f(dz[i.x], dz[i.y], dz[i.z], dz[i.w]), n < vec4u(select(0u, params.O, there)));
  // @end
}

// x at a column from `row` on, the n-th WIDTH channels of the tile's.
fn value(row: u32, column: u32, line: u32, n: u32) -> X {
  let is = line < params.H && column < params.W;
  return select(X(0.0), x[select(0u, (row + column) * (params.C / WIDTH) + n, is)], is);
}

@compute @workgroup_size(THREADS)
fn weight_gradient(
  @builtin(global_invocation_id) id: vec3u,
  // @each shared:
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
  // @end
) {
  let O4 = (params.O + 3u) / 4u;
  // @each shared:
  let unit = group.x;
  let o = min(group.y * LANES + lane, O4 - 1u); // the last again: writes the same values
  // @end
  // @each alone:
  let unit = id.x / O4;
  let o = id.x % O4;
  if (unit >= params.units) { return; }
  // @end
  // A tile at the end overlaps the one before and writes the same values again.
  let c0 = min(unit % params.tiles * CT, params.C - CT);
  let block = unit / params.tiles % params.Q;
  let p = unit / params.tiles / params.Q;
  let end = min((id.z + 1u) * params.per, params.lines);
  // @each var sum{q}_{c} = vec4f(0.0);
  var image = id.z * params.per / params.rows;
  var i = id.z * params.per - image * params.rows;
  for (var at = id.z * params.per; at < end; at++) {
    let line = i * STRIDE + p * params.apart - params.top; // wraps around where negative, as columns do
    let row = (image * params.H + line) * params.W;
    for (var j = 0u; j < params.columns; j += TM) {
      let left = j * STRIDE + block * params.apart - params.left;
      // @each let z{m} = window(at * params.columns + j + {m}u, o, j + {m}u < params.columns);
      // @each shared:
      // @each let share{h} = value(row, left + (lane + {h * LANES}u) / (CT / WIDTH), line, c0 / WIDTH + (lane + {h * LANES}u) % (CT / WIDTH));
      // @each let x{s}_{v} = subgroupBroadcast(share{(s * VS + v) / LANES}, {(s * VS + v) % LANES}u);
      // @end
      // @each alone:
      // @each let x{s}_{v} = value(row, left + {s}u, line, c0 / WIDTH + {v}u);
      // @end
      // @each wide:
      // @each sum{q}_{c} += x{m * STRIDE + q}_{c / 4}[{c % 4}] * z{m};
      // @end
      // @each narrow:
      // @each sum{q}_{c} += x{m * STRIDE + q}_{c} * z{m};
      // @end
    }
    i++;
    if (i == params.rows) {
      i = 0u;
      image++;
    }
  }
  let first = ((id.z * params.P + p) * params.Q + block) * params.C + c0;
  // @each parts[((first + {c}u) * KW + {q}u) * O4 + o] = sum{q}_{c};
}
