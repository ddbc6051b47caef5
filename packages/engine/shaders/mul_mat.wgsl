// dst ← x · Wᵀ, one element a thread. For rows that are no multiple of 32, where no faster kernel fits.
struct Shape {
  rows: u32,      // of this slice of the weight
  columns: u32,
  tokens: u32,
  first_row: u32, // of the slice
  dst_rows: u32,  // of the whole weight
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> weight: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;         // (tokens, columns)
@group(0) @binding(3) var<storage, read_write> dst: array<f32>; // (tokens, dst_rows)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  let token = group.z;
  if (row >= shape.rows) {
    return;
  }
  var sum = 0.0;
  var column = 0u;
  while (column < shape.columns) {
    let at = row * shape.columns + column;
    var w = weights(at / 32u);
    for (var i = at % 32u; i < 32u && column < shape.columns; i++) {
      sum += w[i / 4u][i % 4u] * x[token * shape.columns + column];
      column++;
    }
  }
  dst[token * shape.dst_rows + shape.first_row + row] = sum;
}
