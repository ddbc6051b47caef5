// dst ← x · Wᵀ for rows that are no multiple of 32, which only F32, F16 and BF16 have: one sum a thread.
struct Shape {
  rows: u32,      // of this slice of the weight
  columns: u32,
  tokens: u32,
  first_row: u32, // of the slice
  dst_rows: u32,  // of the whole weight
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(2) var<storage, read> x: array<f32>;         // (tokens, columns)
@group(0) @binding(3) var<storage, read_write> dst: array<f32>; // (tokens, dst_rows)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  let token = group.z;
  if (row >= shape.rows) {
    return;
  }
  let at = row_at(row, shape.columns);
  var sum = 0.0;
  for (var begin = 0u; begin < shape.columns; begin += 16u) {
    var w = weights_at(at, begin);
    for (var column = begin; column < min(begin + 16u, shape.columns); column++) {
      sum += w[column % 16u / 4u][column % 4u] * x[token * shape.columns + column];
    }
  }
  dst[token * shape.dst_rows + shape.first_row + row] = sum;
}
