// Sums and maxima over the LANES threads that share a row, the same tree in every run. `thread` is the index in the
// workgroup. All threads of the workgroup must come here. Prepended to row kernels by element.ts.

var<workgroup> shared_row: array<f32, GROUP>;

fn row_sum(v: f32, thread: u32) -> f32 {
  workgroupBarrier();
  shared_row[thread] = v;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread % LANES < half) { shared_row[thread] += shared_row[thread + half]; }
  }
  workgroupBarrier();
  return shared_row[thread - thread % LANES];
}

fn row_max(v: f32, thread: u32) -> f32 {
  workgroupBarrier();
  shared_row[thread] = v;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread % LANES < half) { shared_row[thread] = max(shared_row[thread], shared_row[thread + half]); }
  }
  workgroupBarrier();
  return shared_row[thread - thread % LANES];
}
