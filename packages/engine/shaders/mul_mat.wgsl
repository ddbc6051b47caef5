// dst ← x · Wᵀ: what every kernel of the product has in common. Before it come data/weight_*.wgsl, data/x_*.wgsl and data/sixteen.wgsl.
struct Shape {
  rows: u32,      // of this slice of the weight
  columns: u32,
  tokens: u32,
  first_row: u32, // of the slice
  dst_rows: u32,  // of the whole weight
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(3) var<storage, read_write> dst: array<f32>; // (tokens, dst_rows)

// A dispatch has at most 65535 workgroups in a dimension, so long ones are folded into two.
fn folded_group(group: vec3u, groups: vec3u) -> u32 {
  return group.y * groups.x + group.x;
}

// What becomes of a product where no stage is looked at in between. 0: it is put into dst, 1: it is added to what is there, 2: what is there is the gate,
// whose silu is multiplied with it.
override into: u32 = 0u;

fn store(row: u32, token: u32, sum: f32) {
  if (row >= shape.rows || token >= shape.tokens) {
    return;
  }
  let value = biased(shape.first_row + row, sum);
  let i = token * shape.dst_rows + shape.first_row + row;
  if (into == 1u) {
    dst[i] += value;
  } else if (into == 2u) {
    let g = dst[i];
    dst[i] = g / (1.0 + exp(-g)) * value;
  } else {
    dst[i] = value;
  }
}

// Rows past the end compute the last one again, and are not stored.
fn clamped_row_at(row: u32) -> u32 {
  return row_at(min(row, shape.rows - 1u), shape.columns);
}

fn dot16(a: mat4x4f, b: mat4x4f) -> f32 {
  var sum = a[0].x * b[0].x;
  sum = fma(a[0].y, b[0].y, sum);
  sum = fma(a[0].z, b[0].z, sum);
  sum = fma(a[0].w, b[0].w, sum);
  sum = fma(a[1].x, b[1].x, sum);
  sum = fma(a[1].y, b[1].y, sum);
  sum = fma(a[1].z, b[1].z, sum);
  sum = fma(a[1].w, b[1].w, sum);
  sum = fma(a[2].x, b[2].x, sum);
  sum = fma(a[2].y, b[2].y, sum);
  sum = fma(a[2].z, b[2].z, sum);
  sum = fma(a[2].w, b[2].w, sum);
  sum = fma(a[3].x, b[3].x, sum);
  sum = fma(a[3].y, b[3].y, sum);
  sum = fma(a[3].z, b[3].z, sum);
  return fma(a[3].w, b[3].w, sum);
}

fn sum16(a: mat4x4f) -> f32 {
  let sum = (a[0] + a[1]) + (a[2] + a[3]);
  return (sum.x + sum.y) + (sum.z + sum.w);
}
