// A matrix [blocks · height, blocks · width] of blocks of height × width values, of which only those on and below the diagonal
// are kept, or, where `strict`, only those below it. `width` and `columns` are counted in Elements.
//   keep   y = x there and 0 elsewhere, or y += that where `add`

struct Params { n: u32, across: u32, columns: u32, height: u32, width: u32, strict: u32, add: u32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn keep(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * params.across + id.x;
  if (i >= params.n) { return; }
  let row = i / params.columns / params.height;
  let column = i % params.columns / params.width;
  let v = select(Element(0.0), x[i], column + params.strict <= row);
  if (params.add == 1u) { y[i] += v; } else { y[i] = v; }
}
