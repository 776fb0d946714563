// Cross-correlation over all channels, of which convolutions, transposed ones and gradients of their inputs are made:
//   y[b, atI + i · every, atJ + j · every, o] = act(bias[o] +
//     Σ_{p, q, c} x[b, i · STRIDE + p · apart − top, j · STRIDE + q · apart − left, c] · w[p, q, c, o]    (+ skip, like y)  (+ y))
// for i < rows and j < columns, p < P, q < Q · KW. x [B, H, W, C], which counts as 0 outside, y [B, outH, outW, O]; weights
// and bias as pack_filters.wgsl packs them. KW > 1 only where taps are neighbours (apart 1).
// A thread computes TM neighbours of a row in 4 · FOURS channels, so that a value of x once loaded serves several taps and
// channels, and a weight several pixels. Where LANES > 1, a workgroup is a subgroup of as many threads, which need the
// same weights: each loads its share of them and hears the others from its neighbours.
// Lines marked @each are repeated by each.ts, for each pixel i below TM, four channels j below FOURS, tap q below KW, column s
// of x under the pixels, channel u of those that are read at once (X, WIDTH of them), and share h of the weights. y is written
// as Values, four channels or one. All lie in memory as f32 or f16: StoredX, StoredWeight and Stored.

struct Params {
  runs: u32, perRow: u32, across: u32, rows: u32, columns: u32, // a run is TM pixels
  C: u32, O: u32, H: u32, W: u32, outH: u32, outW: u32, atI: u32, atJ: u32, every: u32,
  P: u32, Q: u32, apart: u32, top: u32, left: u32,
}
@group(0) @binding(0) var<storage, read> x: array<StoredX>;
@group(0) @binding(1) var<storage, read> weight: array<StoredWeight>;
@group(0) @binding(2) var<storage, read> skip: array<Stored>;
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;
@group(1) @binding(0) var<uniform> params: Params;

// The n-th of the weights of a row of taps of WIDTH channels, from w on.
fn load(w: u32, n: u32) -> vec4f {
  return vec4f(weight[w + n / FOURS * ((params.O + 3u) / 4u) + n % FOURS]);
}

fn end(at: u32, v: vec4f, u: u32) {
  // @each by_four:
  var sum = v;
  // @end
  // @each one_by_one:
  var sum = v[u];
  // @end
  if (SKIP) { sum += Values(skip[at]); }
  if (ADD) { sum += Values(y[at]); }
  y[at] = Stored(activate(sum));
}

// Four channels from o on of pixel (i, j).
fn store(image: u32, i: u32, j: u32, o: u32, v: vec4f, there: bool) {
  if (ADD && !(there && j < params.columns && o * 4u < params.O)) { return; }
  let pixel = (image * params.outH + params.atI + i * params.every) * params.outW + params.atJ + j * params.every;
  // @each by_four:
  end(pixel * (params.O / 4u) + o, v, 0u);
  // @end
  // @each one_by_one:
  // @each if (o * 4u + {n}u < params.O) { end(pixel * params.O + o * 4u + {n}u, v, {n}u); }
  // @end
}

@compute @workgroup_size(THREADS)
fn correlate(
  @builtin(global_invocation_id) id: vec3u,
  // @each shared:
  @builtin(subgroup_invocation_id) lane: u32,
  // @end
) {
  let O4 = (params.O + 3u) / 4u;
  let own = id.y * params.across + id.x;
  let run = min(own, params.runs - 1u);
  // Tiles at an end overlap the ones before and write the same values again, for which llvmpipe takes a third of the time
  // that a condition takes; where something is added, once is right.
  let line0 = run / params.perRow;
  var j0 = (run - line0 * params.perRow) * TM;
  var o0 = id.z * FOURS;
  if (!ADD) {
    j0 = min(j0, params.columns - TM);
    o0 = min(o0, O4 - FOURS);
  }
  let image = line0 / params.rows;
  let i0 = line0 - image * params.rows;
  let blocks = params.C / WIDTH;
  let bias = params.P * params.Q * blocks * KW * WIDTH * O4 + o0;
  // @each let bias{j} = vec4f(weight[bias + {j}u]);
  // @each var y{i}_{j} = bias{j};
  for (var p = 0u; p < params.P; p++) {
    let line = i0 * STRIDE + p * params.apart - params.top; // wraps around where negative, as columns do
    let row = (image * params.H + line) * params.W;
    for (var q = 0u; q < params.Q; q++) {
      let left = j0 * STRIDE + q * params.apart - params.left;
      // @each let is{s} = line < params.H && left + {s}u < params.W;
      // @each let at{s} = select(0u, (row + left + {s}u) * blocks, is{s});
      for (var c = 0u; c < blocks; c++) {
        let w = ((p * params.Q + q) * blocks + c) * KW * WIDTH * O4 + o0;
        // @each let v{s} = select(X(0.0), X(x[at{s} + c]), is{s});
        // @each wide:
        // @each let v{s}_{u} = v{s}[{u}];
        // @end
        // @each narrow:
        // @each let v{s}_0 = v{s};
        // @end
        // @each shared:
        // @each let share{h} = load(w, lane + {h * LANES}u);
        // @each let w{q}_{u}_{j} = subgroupBroadcast(share{((q * WIDTH + u) * FOURS + j) / LANES}, {((q * WIDTH + u) * FOURS + j) % LANES}u);
        // @each y{i}_{j} += v{i * STRIDE + q}_{u} * w{q}_{u}_{j};
        // @end
        // @each alone:
        // @each q:
        // @each u:
        // @each let w{q}_{u}_{j} = load(w, {(q * WIDTH + u) * FOURS + j}u);
        // @each y{i}_{j} += v{i * STRIDE + q}_{u} * w{q}_{u}_{j};
        // @end
        // @end
        // @end
      }
    }
  }
  // @each store(image, i0, j0 + {i}u, o0 + {j}u, y{i}_{j}, own < params.runs);
}
