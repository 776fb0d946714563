// Dropout by counter: the value at position i is dropped where a hash of (seed, i) is below the threshold, p · 2³².
// The hash is that of src/hash.ts, so the same seed drops the same positions on every adapter, and the backward pass
// needs no stored mask. Prepended to kernels by element.ts.

fn mix32(v: Index) -> Index {
  var x = v;
  x ^= x >> Index(16u);
  x *= Index(0x7feb352du);
  x ^= x >> Index(15u);
  x *= Index(0x846ca68bu);
  x ^= x >> Index(16u);
  return x;
}

// 32 random bits for each of these positions: bitsAt of src/hash.ts.
fn bits_at(i: Index, seed: u32) -> Index { return mix32(mix32(i + Index(seed)) ^ Index(seed)); }

// Whether the values at these positions stay.
fn is_kept_at(i: Index, seed: u32, threshold: u32) -> Choice { return bits_at(i, seed) >= Index(threshold); }

// Whether the values of Element i stay.
fn is_kept(i: u32, seed: u32, threshold: u32) -> Choice { return is_kept_at(positions(i), seed, threshold); }

fn drop_out(v: Element, i: u32, seed: u32, threshold: u32, rescale: f32) -> Element {
  if (threshold == 0u) { return v * rescale; }
  return select(Element(0.0), v * rescale, is_kept(i, seed, threshold));
}
