// The weight's rows at the token ids, dequantised: 16 columns a thread. Rows outside this slice of the weight are left alone.
override columns: u32;
override first_row: u32; // of the slice
override rows: u32;      // in the slice

@group(0) @binding(2) var<storage, read> ids: array<u32>;       // (tokens)
@group(0) @binding(3) var<storage, read_write> dst: array<f32>; // (tokens, columns)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = folded_group(group, groups);
  if (token >= batch.tokens || ids[token] < first_row || ids[token] - first_row >= rows) {
    return;
  }
  let row = row_at(ids[token] - first_row, columns);
  for (var begin = lane * 16u; begin < columns; begin += WORKGROUP * 16u) {
    var w = weights_at(row, begin);
    for (var column = begin; column < min(begin + 16u, columns); column++) {
      dst[token * columns + column] = w[column % 16u / 4u][column % 4u];
    }
  }
}
