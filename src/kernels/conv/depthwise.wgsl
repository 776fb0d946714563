// Depthwise convolution with bias and activation (torch.nn.functional.conv2d with groups = C):
//   y[b, i, j, c] = act(bias[c] + Σ_{p,q} x[b, i·STRIDE + p − top, j·STRIDE + q − left, c] · w[p, q, c])
// x [B, H, W, C], w [K, K, C] and y [B, outH, outW, C]; C a multiple of 4. All but sums lie as
// Stored, four values of f32 or f16. What lies outside of x counts as 0.
// A thread computes ROWS×COLUMNS neighbouring pixels of four channels, so that a value once loaded serves all the windows
// over it, and their sum for squeeze-excite: sums [B, rows, columns, C]. each.ts repeats the lines marked @each,
// for each pixel (i, j) below ROWS and COLUMNS, tap (p, q), and row r and column s of x under the pixels.

struct Params { H: u32, W: u32, C4: u32, outH: u32, outW: u32, top: u32, left: u32, rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> x: array<Stored>;
@group(0) @binding(1) var<storage, read> weight: array<Stored>;
@group(0) @binding(2) var<storage, read> bias: array<Stored>;
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

// What lies at a row and a column of an image, which wrap around where negative.
fn load(image: u32, row: u32, column: u32, c: u32) -> vec4f {
  let pixel = (image * params.H + min(row, params.H - 1u)) * params.W + min(column, params.W - 1u);
  return select(vec4f(0.0), vec4f(x[pixel * params.C4 + c]), row < params.H && column < params.W);
}

// Stores act(v) where the map has that pixel, and returns it.
fn store(image: u32, row: u32, column: u32, c: u32, v: vec4f) -> vec4f {
  if (row >= params.outH || column >= params.outW) { return vec4f(0.0); }
  let value = activate(v);
  y[((image * params.outH + row) * params.outW + column) * params.C4 + c] = Stored(value);
  return value;
}

@compute @workgroup_size(64)
fn depthwise(@builtin(global_invocation_id) id: vec3u) {
  let image = id.z;
  let c = id.x % params.C4;
  let tile = id.x / params.C4;
  if (tile >= params.columns) { return; }
  let column = tile * COLUMNS;
  let row = id.y * ROWS;
  let top = row * STRIDE - params.top;
  let left = column * STRIDE - params.left;
  // @each let w{p}_{q} = vec4f(weight[{p * K + q}u * params.C4 + c]);
  let b = vec4f(bias[c]);
  // @each var y{i}_{j} = b;
  // @each r:
    // @each let x{r}_{s} = load(image, top + {r}u, left + {s}u, c);
    // @each q:
      // @each y{i}_{j} += w{r - i * STRIDE < K}_{q} * x{r}_{j * STRIDE + q};
    // @end
  // @end
  var total = vec4f(0.0);
  // @each total += store(image, row + {i}u, column + {j}u, c, y{i}_{j});
  sums[((image * params.rows + id.y) * params.columns + tile) * params.C4 + c] = total;
}
