// dst ← x · Wᵀ, where W is that of each chosen expert. Experts outside this slice of the weight are left alone. One sum a thread.
override columns: u32;
override rows: u32;      // of one expert
override used: u32;
override first_row: u32; // of the slice
override count: u32;     // rows in the slice
override per_expert: u32; // 1: each chosen expert of a token has an x of its own

@group(0) @binding(2) var<storage, read> chosen: array<f32>;    // (tokens, used)
@group(0) @binding(3) var<storage, read_write> dst: array<f32>; // (tokens, used, rows)
@group(0) @binding(5) var<storage, read> x: array<f32>;         // (tokens, columns) or (tokens, used, columns); 4 may be a codebook

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, used, rows)
  let slot = i / rows;
  if (slot >= batch.tokens * used) {
    return;
  }
  let row = u32(chosen[slot]) * rows + i % rows;
  if (row < first_row || row - first_row >= count) {
    return;
  }
  let at = row_at(row - first_row, columns);
  let from_x = select(slot / used, slot, per_expert == 1u) * columns;
  var sums = vec4f(); // four sums, for rounding
  for (var begin = 0u; begin < columns; begin += 16u) {
    var w = weights_at(at, begin);
    for (var column = begin; column < min(begin + 16u, columns); column++) {
      sums[column % 4u] += w[column % 16u / 4u][column % 4u] * x[from_x + column];
    }
  }
  dst[i] = (sums.x + sums.y) + (sums.z + sums.w);
}
