// The weight's rows at the token ids, dequantised: 32 columns a thread. Rows outside this slice of the weight are left alone.
override columns: u32;
override first_row: u32; // of the slice
override rows: u32;      // in the slice

@group(0) @binding(1) var<storage, read> weight: array<u32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;       // (tokens)
@group(0) @binding(3) var<storage, read_write> dst: array<f32>; // (tokens, columns)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = folded_group(group, groups);
  if (token >= batch.tokens || ids[token] < first_row || ids[token] - first_row >= rows) {
    return;
  }
  let row = (ids[token] - first_row) * columns;
  for (var begin = lane * 32u; begin < columns; begin += WORKGROUP * 32u) {
    var chunk = (row + begin) / 32u;
    var w = weights(chunk);
    for (var column = begin; column < min(begin + 32u, columns); column++) {
      let at = row + column;
      if (at / 32u != chunk) { // rows of F32 and F16 need not begin at a chunk
        chunk = at / 32u;
        w = weights(chunk);
      }
      dst[token * columns + column] = w[at % 32u / 4u][at % 4u];
    }
  }
}
